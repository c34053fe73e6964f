package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// acmeAuthority is a running Pebble, the ACME server that Let's Encrypt tests clients with, and a name server that leads every name to this machine.
type acmeAuthority struct {
	Directory  string
	management string
	running    []*exec.Cmd
}

// pebble builds both programs as the folder pebble pins them.
var pebble = sync.OnceValues(func() (string, error) {
	bin, err := filepath.Abs("../bin")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", bin+"/", "github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	build.Dir, build.Env = "pebble", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build pebble: %w\n%s", err, out)
	}
	return bin, nil
})

// quarter is how long certificates of authorities are valid that ask for no more.
const quarter = 90 * 24 * time.Hour

// startACME starts an authority that looks for who asks at these ports, and whose certificates are valid for so long.
func startACME(t *testing.T, httpPort, tlsPort string, valid time.Duration) *acmeAuthority {
	t.Helper()
	bin, err := pebble()
	if err != nil {
		t.Fatal(err)
	}
	names, address, management := freeAddress(t), freeAddress(t), freeAddress(t)
	a := &acmeAuthority{Directory: "https://" + address + "/dir", management: "https://" + management}
	folder := t.TempDir()
	cert, key := authority.Files(folder, "127.0.0.1")
	number := func(port string) int {
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": management, "certificate": cert, "privateKey": key,
		"httpPort": number(httpPort), "tlsPort": number(tlsPort), "retryAfter": map[string]int{"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{"default": map[string]any{"description": "all", "validityPeriod": valid / time.Second}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "pebble.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logFile{}
	t.Cleanup(func() {
		a.Kill()
		if t.Failed() {
			t.Logf("log of the authority:\n%s", log.tail())
		}
	})
	for _, args := range [][]string{
		{"pebble-challtestsrv", "-dnsserver", names, "-management", freeAddress(t), "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""},
		{"pebble", "-config", path, "-dnsserver", names},
	} {
		cmd := exec.Command(filepath.Join(bin, args[0]), args[1:]...)
		cmd.Env = append(cleanEnv(), "PEBBLE_VA_NOSLEEP=1")
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		a.running = append(a.running, cmd)
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get(a.Directory)
		if err == nil {
			answer.Body.Close()
			return a
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("the authority does not answer: %v", err)
		}
	}
}

// Kill ends the authority. It remembers nothing.
func (a *acmeAuthority) Kill() {
	for _, cmd := range a.running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // which tells that it was killed
	}
	a.running = nil
}

// Pool believes what the authority has signed.
func (a *acmeAuthority) Pool(t *testing.T) *x509.CertPool {
	t.Helper()
	answer := send(t, http.DefaultClient, http.MethodGet, a.management+"/roots/0", nil, nil)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(answer.text)) {
		t.Fatalf("no root: %s %s", answer.Status, answer.text)
	}
	return pool
}

// askingFor is a server with certificates for names, of an authority, that is not started yet. plain may be empty.
func askingFor(t *testing.T, database, address, plain, directory, names string) *Server {
	t.Helper()
	s := newServer(t, database, "SATCHEL_ACME_DOMAINS="+names, "SATCHEL_ACME_EMAIL=ops@example.org", "SATCHEL_ACME_DIRECTORY="+directory,
		"SATCHEL_HTTP_LISTEN="+plain, "SSL_CERT_FILE="+filepath.Join(binaryFolder, "authority.pem"))
	s.URL = "https://" + address
	return s
}

// shown is the certificate that a server shows who asks for a name, once there is one that pool believes.
func (s *Server) shown(t *testing.T, name string, pool *x509.CertPool) *x509.Certificate {
	t.Helper()
	address := strings.TrimPrefix(s.URL, "https://")
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: name})
		if err == nil {
			defer conn.Close()
			return conn.ConnectionState().PeerCertificates[0]
		}
		if time.Since(begin) > 2*time.Minute {
			t.Fatalf("no certificate for %s: %v\n%s", name, err, s.log.tail())
		}
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// A server gets certificates by each of the ways in which an authority looks whether a name leads to it, and keeps them over a restart.
func TestACME(t *testing.T) {
	t.Parallel()
	const closed = "1" // a port that nobody listens on
	for _, c := range []struct {
		name      string
		http, alp bool // whether the authority finds us there
	}{
		{"TLS-ALPN-01", false, true},
		{"HTTP-01", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, plain := freeAddress(t), ""
			httpPort, tlsPort := closed, closed
			if c.http {
				plain = freeAddress(t)
				httpPort = port(plain)
			}
			if c.alp {
				tlsPort = port(address)
			}
			a := startACME(t, httpPort, tlsPort, quarter)
			s := askingFor(t, "", address, plain, a.Directory, "files.example,other.example")
			s.Start()
			pool := a.Pool(t)
			first := s.shown(t, "files.example", pool)
			s.shown(t, "other.example", pool)
			s.waitForLog(t, `"msg":"certificate","name":"files.example","until":"`+first.NotAfter.Format("2006-01-02T15:04:05"))
			if got, want := s.metrics(t), fmt.Sprintf("satchel_tls_certificate_expiry_timestamp_seconds{name=\"files.example\"} %g", float64(first.NotAfter.Unix())); !strings.Contains(got, want) {
				t.Errorf("the metrics lack %s", want)
			}
			if c.http { // challenges do not hide the rest
				for path, status := range map[string]int{"/drive/": http.StatusPermanentRedirect, "/.well-known/acme-challenge/guess": http.StatusPermanentRedirect} {
					if answer := send(t, noRedirects(nil), http.MethodGet, "http://"+plain+path, nil, nil); answer.StatusCode != status {
						t.Errorf("%s: %s", path, answer.Status)
					}
				}
			}
			run(t, s.Command("healthcheck", "--listen", address))

			a.Kill()
			s.Stop()
			s.Start()
			if again := s.shown(t, "files.example", pool); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
				t.Errorf("after a restart another certificate is shown: %v, %v", again.SerialNumber, first.SerialNumber)
			}
			// Who names no host, or one that is none of ours, is shown one nevertheless.
			for _, name := range []string{"", "elsewhere.example"} {
				conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: name})
				if err != nil {
					t.Errorf("%q: %v", name, err)
					continue
				}
				if got := conn.ConnectionState().PeerCertificates[0].SerialNumber; got.Cmp(first.SerialNumber) != 0 {
					t.Errorf("%q: the certificate %v", name, got)
				}
				conn.Close()
			}
			if strings.Contains(s.log.String(), "PRIVATE KEY") {
				t.Error("a key is in the log")
			}
		})
	}
}

// A certificate of which two thirds of its time have gone by is renewed.
func TestACMERenewal(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	a := startACME(t, "1", port(address), 15*time.Second)
	s := askingFor(t, "", address, "", a.Directory, "files.example")
	s.Start()
	pool := a.Pool(t)
	first := s.shown(t, "files.example", pool)
	waitFor(t, "the certificate is about to expire", func() bool { return time.Until(first.NotAfter) < 4*time.Second })
	s.Stop()
	s.Start() // which looks at once; a running server looks every ten minutes
	waitFor(t, "another certificate", func() bool { return s.shown(t, "files.example", pool).NotAfter.After(first.NotAfter) })
}

// Two nodes on a database have one certificate together: one of them asks, and whichever the authority comes to answers.
func TestACMEOnTwoNodes(t *testing.T) {
	t.Parallel()
	database := sqldbtest.PostgresURL(t)
	one, other, plain := freeAddress(t), freeAddress(t), freeAddress(t)
	a := startACME(t, port(plain), port(one), quarter) // a balancer leads the name to the first
	here := askingFor(t, database, one, plain, a.Directory, "files.example")
	there := askingFor(t, database, other, "", a.Directory, "files.example")
	there.Data = here.Data
	here.Start()
	there.Start()
	pool := a.Pool(t)
	first, second := here.shown(t, "files.example", pool), there.shown(t, "files.example", pool)
	if first.SerialNumber.Cmp(second.SerialNumber) != 0 {
		t.Errorf("the nodes show %v and %v", first.SerialNumber, second.SerialNumber)
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "files.example"}}}
	answer, err := client.Get(there.URL + "/login")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil || answer.Proto != "HTTP/2.0" || answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s, %v", answer.Proto, answer.Status, err)
	}
}
