package e2e

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxy is a running reverse proxy with TLS.
type proxy struct {
	URL     string
	process *os.Process
}

// replaced is an example of deploy/proxy with what people change in it changed. What is not there fails the test.
func replaced(t *testing.T, file string, pairs ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../deploy/proxy", file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q", file, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// behindNginx runs nginx with a file as Debian includes it from conf.d.
func behindNginx(t *testing.T, site, address string) *proxy {
	t.Helper()
	home := t.TempDir()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // its workers write below the test's folder
	}
	main := user + "worker_processes 2;\npid nginx.pid;\ndaemon off;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n" +
		"client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\ninclude site.conf;\n}\n"
	for name, text := range map[string]string{"nginx.conf": main, "site.conf": site} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return runProxy(t, address, tool(t, home, nginx(t), "-p", home+"/", "-c", filepath.Join(home, "nginx.conf"), "-e", "stderr"))
}

// runProxy starts a proxy and waits until it listens. The test's end ends it.
func runProxy(t *testing.T, address string, cmd *exec.Cmd) *proxy {
	t.Helper()
	log := &logFile{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // a master of nginx that is killed leaves its workers
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		<-ended // with the test's context
		if t.Failed() {
			t.Logf("log of the proxy:\n%s", log.tail())
		}
	})
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get("https://" + address + "/healthz")
		if err == nil {
			answer.Body.Close()
			return &proxy{"https://" + address, cmd.Process}
		}
		select {
		case <-ended:
			t.Fatalf("the proxy ended: %s", log.tail())
		default:
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("the proxy does not answer: %v", err)
		}
	}
}

// holds is what a process and its children have in memory and in open files, in bytes. A file without a name counts too.
func (p *proxy) holds(t *testing.T) (memory, files int64) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	own := strconv.Itoa(p.process.Pid)
	for _, process := range processes {
		status, err := os.ReadFile(process + "/status")
		if err != nil || filepath.Base(process) != own && !strings.Contains(string(status), "PPid:\t"+own+"\n") {
			continue // it is another's, or has ended
		}
		if rss := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`).FindStringSubmatch(string(status)); rss != nil {
			kib, err := strconv.ParseInt(rss[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			memory += kib << 10
		}
		open, err := filepath.Glob(process + "/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range open {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				files += info.Size()
			}
		}
	}
	if memory == 0 {
		t.Error("the proxy is not found in /proc")
	}
	return memory, files
}

// The examples of deploy/proxy, with the real programs: an upload of 1 GiB is with the server while it is sent, and nowhere else; what broke off goes on; and what
// the doors need of headers and methods comes through.
func TestProxies(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]func(t *testing.T, backend, address string) *proxy{
		"nginx": func(t *testing.T, backend, address string) *proxy {
			cert, key := authority.Files(t.TempDir(), "127.0.0.1")
			return behindNginx(t, replaced(t, "nginx.conf", "server 127.0.0.1:8080;", "server "+backend+";", "listen 80;", "listen "+freeAddress(t)+";", "listen 443 ", "listen "+address+" ",
				"/etc/letsencrypt/live/files.example.org/fullchain.pem", cert, "/etc/letsencrypt/live/files.example.org/privkey.pem", key), address)
		},
		"Caddy": func(t *testing.T, backend, address string) *proxy {
			home := t.TempDir()
			cert, key := authority.Files(home, "127.0.0.1")
			file := filepath.Join(home, "Caddyfile")
			text := "{\n\tadmin off\n\tauto_https off\n}\n" + replaced(t, "Caddyfile", "127.0.0.1:8080", backend, "files.example.org {", "https://"+address+" {\n\ttls "+cert+" "+key)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return runProxy(t, address, tool(t, home, program(t, "caddy", "caddy"), "run", "--config", file, "--adapter", "caddyfile"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "SATCHEL_TRUSTED_PROXIES=127.0.0.1", "SATCHEL_HSTS=1d")
			front := behind(t, strings.TrimPrefix(s.URL, "http://"), freeAddress(t))
			way := &Server{URL: front.URL, t: t}
			ann := way.Register(t, "ann")

			const sent, size = 1 << 30, 1<<30 + 1<<20
			upload := ann.CreateUpload(t, "large.bin", size)
			if !strings.HasPrefix(upload, front.URL+"/files/") {
				t.Fatalf("the upload is at %s, want it at the proxy", upload)
			}
			patch := ann.hang(t, upload, 0, io.LimitReader(nothings{}, sent))
			for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) { // the client has not ended its body
				got, _ := metric(s.metrics(t), "satchel_bytes_received_total")
				if got == sent {
					break
				}
				if time.Since(begin) > 4*time.Minute {
					t.Fatalf("%v bytes came of %d", got, sent)
				}
			}
			if memory, files := front.holds(t); memory > 256<<20 || files > 16<<20 {
				t.Errorf("the proxy holds %d MiB in memory and %d MiB in files", memory>>20, files>>20)
			}
			patch.giveUp()
			if offset := ann.Offset(t, upload); offset != sent {
				t.Errorf("after the break the offset is %d, want %d", offset, sent)
			}
			if answer := ann.patch(t, upload, sent, io.LimitReader(nothings{}, size-sent)); answer.StatusCode != http.StatusNoContent {
				t.Errorf("the rest: %s %s", answer.Status, answer.text)
			}
			if _, n := ann.SHA256(t, "large.bin"); n != size {
				t.Errorf("the file has %d bytes, want %d", n, size)
			}

			browser := ann.Browser(t)
			stream, err := browser.Get(front.URL + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
			events := bufio.NewScanner(stream.Body)
			events.Scan() // it has begun
			answer := send(t, ann.Basic, "MOVE", front.URL+"/dav/large.bin", headers(map[string]string{"Destination": front.URL + "/dav/a%20b%2Bc.bin", "If": "(<urn:none>)"}), nil)
			if answer.StatusCode != http.StatusPreconditionFailed {
				t.Errorf("MOVE with a lock that is not there: %s", answer.Status)
			}
			answer = send(t, ann.Basic, "MOVE", front.URL+"/dav/large.bin", headers(map[string]string{"Destination": front.URL + "/dav/a%20b%2Bc.bin"}), nil)
			if answer.StatusCode != http.StatusCreated {
				t.Errorf("MOVE: %s %s", answer.Status, answer.text)
			}
			for events.Scan() && !strings.HasPrefix(events.Text(), "data:") {
			}
			if !strings.HasPrefix(events.Text(), "data:") {
				t.Errorf("no event comes through: %v", events.Err())
			}
			answer = send(t, ann.Basic, "PROPFIND", front.URL+"/dav/", headers(map[string]string{"Depth": "1"}), nil)
			if answer.StatusCode != http.StatusMultiStatus || !strings.Contains(answer.text, "/dav/a%20b+c.bin") && !strings.Contains(answer.text, "/dav/a%20b%2Bc.bin") {
				t.Errorf("PROPFIND: %s %s", answer.Status, answer.text)
			}
			answer = send(t, noRedirects(nil), http.MethodGet, front.URL+"/login", headers(map[string]string{"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}), nil)
			if answer.Header.Get("Strict-Transport-Security") != "max-age=86400" {
				t.Errorf("GET: %s %v; who comes by HTTPS is not told so", answer.Status, answer.Header)
			}
			answer = send(t, noRedirects(nil), http.MethodGet, front.URL+"/login", headers(map[string]string{"X-Request-Id": "a-strangers"}), nil)
			if id := answer.Header.Get("X-Request-Id"); id == "" || id == "a-strangers" {
				t.Errorf("a stranger's request is called %q", id)
			}
			long := strings.Repeat("x", 40<<10) // Upload-Concat of a thousand parts
			if answer := send(t, ann.Bearer, http.MethodPost, front.URL+"/files/", headers(map[string]string{"Tus-Resumable": "1.0.0", "Upload-Concat": "final;/files/" + long}), nil); answer.StatusCode >= 500 || answer.StatusCode == http.StatusRequestHeaderFieldsTooLarge || answer.StatusCode == http.StatusRequestURITooLong {
				t.Errorf("a long header: %s", answer.Status)
			}
			s.Stop()
		})
	}
}

// nothings are zeros without end.
type nothings struct{}

func (nothings) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
