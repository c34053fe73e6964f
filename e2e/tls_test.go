package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/satchelhq/satchel/certificate/certificatetest"
)

// authority signs the certificates of all servers. Every client of these tests that is Go's believes it, and nothing else.
var authority *certificatetest.Authority

// believe makes the authority, before anything is asked over TLS.
func believe(folder string) (_ *certificatetest.Authority, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	a := certificatetest.New(outsideTests{})
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: a.Pool()}
	return a, os.WriteFile(filepath.Join(folder, "authority.pem"), a.PEM(), 0o600)
}

// outsideTests is TestMain, as certificatetest wants to see it.
type outsideTests struct{}

func (outsideTests) Helper()           {}
func (outsideTests) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// startTLS is start with a certificate for localhost and 127.0.0.1, and a listener that sends plain HTTP on.
func startTLS(t testing.TB, env ...string) (s *Server, plain string) {
	t.Helper()
	cert, key := authority.Files(t.TempDir(), "localhost", "127.0.0.1")
	plain = freeAddress(t)
	s = newServer(t, "", append(env, "SATCHEL_TLS_CERT="+cert, "SATCHEL_TLS_KEY="+key, "SATCHEL_HTTP_LISTEN="+plain)...)
	s.URL = strings.Replace(s.URL, "http:", "https:", 1)
	s.Start()
	return s, "http://" + plain
}

// Every door over HTTP/2, as who comes by HTTPS sees it.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	s, plain := startTLS(t, "SATCHEL_HSTS=180d")
	ann := s.Register(t, "ann")

	t.Run("the version, and what every answer says", func(t *testing.T) {
		for _, path := range []string{"/", "/files/", "/dav/", "/api/v1/me", "/drop/x/", "/healthz"} {
			answer := send(t, http.DefaultClient, http.MethodGet, s.URL+path, nil, nil)
			if answer.Proto != "HTTP/2.0" || answer.Header.Get("Strict-Transport-Security") != "max-age=15552000" {
				t.Errorf("%s: %s, HSTS %q", path, answer.Proto, answer.Header.Get("Strict-Transport-Security"))
			}
		}
		address := strings.TrimPrefix(s.URL, "https://")
		for version, taken := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authority.Pool(), MinVersion: version, MaxVersion: version})
			if (err == nil) != taken {
				t.Errorf("%s: %v, want it taken: %v", tls.VersionName(version), err, taken)
			}
			if err == nil {
				conn.Close()
			}
		}
	})

	t.Run("a tus upload that breaks off in the middle keeps every byte", func(t *testing.T) {
		const size, sent = 48 * mebibyte, 20 * mebibyte
		upload := ann.CreateUpload(t, "kept.bin", size)
		if !strings.HasPrefix(upload, s.URL+"/files/") {
			t.Errorf("it is at %s", upload)
		}
		patch := ann.hang(t, upload, 0, io.LimitReader(noise(5, size), sent))
		s.waitForMetric(t, "satchel_bytes_received_total", sent) // the first content of this server
		patch.giveUp()                                           // RST_STREAM: the connection stays
		if offset := ann.Offset(t, upload); offset != sent {
			t.Errorf("the offset is %d; want the %d that were sent", offset, sent)
		}
		ann.finish(t, upload, 5, size, "kept.bin")
	})

	t.Run("and so does one whose connection is cut", func(t *testing.T) {
		way := newCutter(t, s, 11)
		way.Allow(40)
		client := &http.Client{Transport: &authorised{set: func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+ann.Token)
			r.URL.Host = strings.TrimPrefix(way.URL, "https://")
		}}}
		u := &transfer{t: t, a: &Account{s: s, Name: "ann", Token: ann.Token, Bearer: client, Basic: ann.Basic}, name: "cut.bin", content: seeded(9, 6<<20)}
		for !u.done {
			if err := u.step(1 << 20); err != nil && !errors.Is(err, errServerGone) {
				t.Fatal(err)
			}
		}
		if way.Made() < 5 {
			t.Errorf("only %d connections were cut", way.Made())
		}
		u.check()
	})

	t.Run("an upload of the IETF draft says where it is while it comes, and keeps what came", func(t *testing.T) {
		const size, sent = 4 * mebibyte, 3 * mebibyte
		told := make(chan string, 16)
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			if code == 104 && header.Get("Location") != "" { // Upload Resumption Supported
				select {
				case told <- header.Get("Location"):
				default:
				}
			}
			return nil
		}})
		body, feed := io.Pipe()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/files/", body)
		if err != nil {
			t.Fatal(err)
		}
		request.ContentLength = size
		request.Header = headers(map[string]string{"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1"})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if answer, err := ann.Bearer.Do(request); err == nil {
				t.Errorf("half an upload is answered: %s", answer.Status)
				answer.Body.Close()
			}
		}()
		before, _ := metric(s.metrics(t), "satchel_bytes_received_total")
		if _, err := io.CopyN(feed, noise(8, size), sent); err != nil {
			t.Fatal(err)
		}
		upload := <-told
		s.waitForMetric(t, "satchel_bytes_received_total", before+sent)
		feed.CloseWithError(errors.New("the client is gone"))
		<-ended
		answer := send(t, ann.Bearer, http.MethodHead, upload, headers(map[string]string{"Upload-Draft-Interop-Version": "8"}), nil)
		if answer.StatusCode != http.StatusNoContent || answer.Header.Get("Upload-Offset") != fmt.Sprint(sent) || answer.Header.Get("Upload-Complete") != "?0" {
			t.Errorf("HEAD %s: %s %v", upload, answer.Status, answer.Header)
		}
	})

	t.Run("WebDAV", func(t *testing.T) {
		content := string(seeded(3, 3<<20))
		ann.Put(t, "dav.bin", content)
		if status, got := ann.Get(t, "dav.bin"); status != http.StatusOK || got != content {
			t.Errorf("%d, %d bytes", status, len(got))
		}
		// A PUT that breaks off changes nothing.
		body, feed := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+"/dav/dav.bin", body)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if answer, err := ann.Basic.Do(request); err == nil {
				answer.Body.Close()
			}
		}()
		if _, err := feed.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		feed.CloseWithError(errors.New("the client is gone"))
		<-ended
		if status, got := ann.Get(t, "dav.bin"); status != http.StatusOK || got != content {
			t.Errorf("after a PUT that broke off: %d, %d bytes", status, len(got))
		}
	})

	t.Run("the pages, and what they tell live", func(t *testing.T) {
		browser := ann.Browser(t)
		at, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if cookies := browser.Jar.Cookies(at); len(cookies) == 0 || !strings.HasPrefix(cookies[0].Name, "__Host-") {
			t.Errorf("cookies %v", cookies)
		}
		answer, err := browser.Get(s.URL + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Proto != "HTTP/2.0" {
			t.Fatalf("%s %s", answer.Proto, answer.Status)
		}
		events := bufio.NewScanner(answer.Body)
		events.Scan() // it has begun
		ann.Put(t, "seen.txt", "live")
		for events.Scan() && !strings.HasPrefix(events.Text(), "data:") {
		}
		if events.Err() != nil || !strings.HasPrefix(events.Text(), "data:") {
			t.Errorf("no event: %q, %v", events.Text(), events.Err())
		}
	})

	t.Run("plain HTTP beside it", func(t *testing.T) {
		answer := send(t, noRedirects(nil), http.MethodGet, plain+"/drive/x?y=1", nil, nil)
		if want := s.URL + "/drive/x?y=1"; answer.StatusCode != http.StatusPermanentRedirect || answer.Header.Get("Location") != want {
			t.Errorf("GET: %s to %s, want %s", answer.Status, answer.Header.Get("Location"), want)
		}
		answer = send(t, ann.Basic, http.MethodPut, plain+"/dav/clear.txt", nil, strings.NewReader("for all to read"))
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(answer.text, "HTTPS") {
			t.Errorf("PUT: %s %s", answer.Status, answer.text)
		}
		if answer := send(t, http.DefaultClient, http.MethodGet, "http://"+strings.TrimPrefix(s.URL, "https://")+"/", nil, nil); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP to the port of HTTPS: %s", answer.Status)
		}
	})

	t.Run("the program asks itself whether it lives", func(t *testing.T) {
		run(t, s.Command("healthcheck", "--listen", strings.TrimPrefix(s.URL, "https://")))
	})
	s.Stop()
}

// A certificate that is renewed is served without a break, the metrics and the log tell until when, and one that is broken changes nothing.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cert, key := authority.Files(folder, "localhost", "127.0.0.1")
	s := newServer(t, "", "SATCHEL_TLS_CERT="+cert, "SATCHEL_TLS_KEY="+key)
	s.URL = strings.Replace(s.URL, "http:", "https:", 1)
	s.Start()
	ann := s.Register(t, "ann")
	upload := ann.CreateUpload(t, "during.bin", 2*mebibyte)
	patch := ann.hang(t, upload, 0, io.LimitReader(noise(1, 2*mebibyte), mebibyte))
	s.waitForMetric(t, "satchel_bytes_received_total", mebibyte)

	until := time.Now().Add(72 * time.Hour).Truncate(time.Second)
	renew := func(certPEM, keyPEM []byte) {
		t.Helper()
		for path, content := range map[string][]byte{key: keyPEM, cert: certPEM} {
			if err := errors.Join(os.WriteFile(path+".new", content, 0o600), os.Rename(path+".new", path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	newCert, newKey := authority.Issue(until, "renewed.example", "localhost", "127.0.0.1")
	renew(newCert[:200], newKey)
	s.waitForLog(t, "the one before stays")
	if got := s.certificate(t); got.NotAfter.Equal(until) || got.DNSNames[0] != "localhost" {
		t.Errorf("a broken one is served: %v until %s", got.DNSNames, got.NotAfter)
	}
	renew(newCert, newKey)
	s.waitForLog(t, "renewed.example")
	if got := s.certificate(t); !got.NotAfter.Equal(until) {
		t.Errorf("%v until %s is served, want %s", got.DNSNames, got.NotAfter, until)
	}
	if got, want := s.metrics(t), fmt.Sprintf("satchel_tls_certificate_expiry_timestamp_seconds{name=\"renewed.example\"} %g", float64(until.Unix())); !strings.Contains(got, want) {
		t.Errorf("the metrics lack %s", want)
	}
	patch.giveUp()
	if offset := ann.Offset(t, upload); offset != mebibyte {
		t.Errorf("the upload that ran meanwhile is at %d", offset)
	}
}

// certificate is what a new client is shown.
func (s *Server) certificate(t *testing.T) *certificateOf {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "https://"), &tls.Config{RootCAs: authority.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	leaf := conn.ConnectionState().PeerCertificates[0]
	return &certificateOf{leaf.DNSNames, leaf.NotAfter}
}

type certificateOf struct {
	DNSNames []string
	NotAfter time.Time
}

// waitForLog waits until the log says something.
func (s *Server) waitForLog(t *testing.T, text string) {
	t.Helper()
	for begin := time.Now(); !strings.Contains(s.log.String(), text); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("the log never says %q\n%s", text, s.log.tail())
		}
	}
}

// Behind a proxy of TCP: whose connections are trusted says who the client is, and must; whose are not is who it is.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		trusted string
		header  string // what the connection begins with
		status  int    // 0: the connection ends without an answer
		client  string
	}{
		{"a trusted proxy, version 1", "127.0.0.0/8", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n", 200, "203.0.113.9"},
		{"a trusted proxy, version 2", "127.0.0.0/8", version2(t), 200, "2001:db8::7"},
		{"a trusted proxy that says nothing", "127.0.0.0/8", "", 0, ""},
		{"what the client wrote behind it", "127.0.0.0/8", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\nPROXY TCP4 203.0.113.10 127.0.0.1 4711 443\r\n", 400, ""},
		{"somebody else", "10.0.0.0/8", "", 200, "127.0.0.1"},
		{"somebody else who says so", "10.0.0.0/8", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "SATCHEL_PROXY_PROTOCOL=true", "SATCHEL_TRUSTED_PROXIES="+c.trusted, "SATCHEL_LOG_LEVEL=debug", "SATCHEL_LOG_FORMAT=json")
			address := strings.TrimPrefix(s.URL, "http://")
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.WriteString(conn, c.header+"GET /login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			switch {
			case c.status == 0:
				if err == nil {
					t.Errorf("it is answered: %s", answer.Status)
				}
			case err != nil || answer.StatusCode != c.status:
				t.Errorf("%v, %v, want %d", answer, err, c.status)
			case c.client != "":
				s.waitForLog(t, `"client":"`+c.client+`"`)
			}
			run(t, s.Command("healthcheck", "--listen", address))
		})
	}
}

func version2(t *testing.T) string {
	t.Helper()
	header := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 4711}, &net.TCPAddr{IP: net.IPv6loopback, Port: 443})
	var text bytes.Buffer
	if _, err := header.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// HTTP/2 without TLS, as a proxy may speak it.
func TestH2C(t *testing.T) {
	t.Parallel()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	s := start(t, "SATCHEL_H2C=true")
	if answer := send(t, client, http.MethodGet, s.URL+"/login", nil, nil); answer.Proto != "HTTP/2.0" || answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s", answer.Proto, answer.Status)
	}
	if answer := send(t, http.DefaultClient, http.MethodGet, s.URL+"/login", nil, nil); answer.Proto != "HTTP/1.1" || answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s", answer.Proto, answer.Status)
	}
	if answer, err := client.Get(start(t).URL + "/login"); err == nil {
		t.Errorf("without the setting: %s", answer.Status)
	}
}

// People in Chromium over HTTPS and HTTP/2: their uploads, downloads and passkeys.
func TestBrowserOverHTTPS(t *testing.T) {
	t.Parallel()
	t.Run("visit", func(t *testing.T) {
		s, _ := startTLS(t, "SATCHEL_HSTS=1d")
		folder := t.TempDir()
		const file = "holiday photo ü 熊.bin"
		sum := noiseFile(t, filepath.Join(folder, file), 42, 24<<20)
		scene(t, "browser.mjs", "visit", s.URL, folder, "1280x800", english)
		if got := hashTree(t, folder)["downloaded"]; got != sum {
			t.Errorf("the download has SHA-256 %s; want %s", got, sum)
		}
		if log := s.metrics(t); !strings.Contains(log, `satchel_http_requests_total{code="204",door="tus",method="PATCH"}`) {
			t.Error("nothing came by tus")
		}
	})
	t.Run("passkey", func(t *testing.T) {
		s, _ := startTLS(t)
		scene(t, "passkey.mjs", "passkey", s.URL, t.TempDir(), "360x740", chinese)
	})
}
