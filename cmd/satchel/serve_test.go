package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// running is a server in this process, as main would run it.
type running struct {
	base, admin string // http://HOST:PORT
	data        string
	stop        context.CancelFunc
	exited      chan struct{} // closed when code is there
	code        int
	stderr      *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start serves data on free ports and waits for the lines that it prints.
func start(t *testing.T, data string, environ ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &running{data: data, stop: stop, exited: make(chan struct{}), stderr: &syncBuffer{}}
	out, stdout := io.Pipe()
	go func() {
		defer close(s.exited)
		args := []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
		s.code = run(ctx, args, strings.NewReader(""), stdout, s.stderr, environ)
		stdout.Close()
	}()
	t.Cleanup(func() {
		stop()
		<-s.exited
	})
	addresses := map[string]string{}
	for lines := bufio.NewScanner(out); len(addresses) < 5 && lines.Scan(); {
		name, address, _ := strings.Cut(lines.Text(), " ")
		addresses[name] = strings.TrimSpace(address)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s.base = strings.TrimSuffix(addresses["page"], "/")
	s.admin = strings.TrimSuffix(addresses["metrics"], "/metrics")
	if s.base == "" || s.admin == "" || addresses["tus"] != s.base+"/files/" || addresses["WebDAV"] != s.base+"/dav/" {
		stop()
		<-s.exited
		t.Fatalf("printed %v, exit code %d: %s", addresses, s.code, s.stderr)
	}
	return s
}

// wait is the exit code of a server that was told to stop.
func (s *running) wait() int {
	<-s.exited
	return s.code
}

// signUp makes an account and answers its access token.
func (s *running) signUp(t *testing.T) string {
	t.Helper()
	response, err := http.Post(s.base+"/api/v1/register", "application/json", strings.NewReader(`{"username": "ada", "password": "correct horse battery"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var in struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&in); err != nil || in.AccessToken == "" {
		t.Fatalf("register: %s (%v)", response.Status, err)
	}
	return in.AccessToken
}

// ask sends a request and answers the response with its body read.
func ask(t *testing.T, method, address, token string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	response, text, err := try(method, address, token, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return response, text
}

func try(method, address, token string, body io.Reader, headers ...string) (*http.Response, string, error) {
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// metric waits until a metric without labels reaches a value.
func (s *running) metric(t *testing.T, name string, least float64) {
	t.Helper()
	var last string
	for range 1000 {
		_, text := ask(t, http.MethodGet, s.admin+"/metrics", "", nil)
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
				last = value
				if v, err := strconv.ParseFloat(value, 64); err == nil && v >= least {
					return
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s stays at %s, want %v", name, last, least)
}

func TestServe(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testServe(t) })
	t.Run("postgres", func(t *testing.T) { testServe(t, "SATCHEL_DATABASE="+sqldbtest.PostgresURL(t)) })
}

func testServe(t *testing.T, environ ...string) {
	s := start(t, t.TempDir(), environ...)
	token := s.signUp(t)

	if response, _ := ask(t, http.MethodPut, s.base+"/dav/hello.txt", token, strings.NewReader("hello")); response.StatusCode != http.StatusCreated {
		t.Errorf("PUT: %s", response.Status)
	}
	if _, text := ask(t, http.MethodGet, s.base+"/dav/hello.txt", token, nil); text != "hello" {
		t.Errorf("GET: %q", text)
	}
	if response, _ := ask(t, http.MethodOptions, s.base+"/files/", "", nil); response.Header.Get("Tus-Version") != "1.0.0" {
		t.Errorf("tus: %s", response.Status)
	}
	if response, text := ask(t, http.MethodGet, s.base+"/login", "", nil); response.StatusCode != http.StatusOK || !strings.Contains(text, "<form") {
		t.Errorf("page: %s", response.Status)
	}
	if response, _ := ask(t, http.MethodGet, s.base+"/.well-known/jwks.json", "", nil); response.StatusCode != http.StatusOK {
		t.Errorf("keys: %s", response.Status)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/cmdline"} {
		if response, _ := ask(t, http.MethodGet, s.admin+path, "", nil); response.StatusCode != http.StatusOK {
			t.Errorf("admin %s: %s", path, response.Status)
		}
	}
	if got := satchel(t, "", nil, "healthcheck", "--listen", strings.TrimPrefix(s.base, "http://")); got.code != 0 {
		t.Errorf("healthcheck: exit code %d: %s", got.code, got.stderr)
	}
	s.metric(t, "satchel_bytes_stored_total", 5)

	s.stop()
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d after a clean stop: %s", code, s.stderr)
	}
	for line := range strings.Lines(s.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log of a server without a terminal is JSON, not %q", line)
		}
	}
	if _, _, err := try(http.MethodGet, s.base+"/healthz", "", nil); err == nil {
		t.Error("it still serves")
	}
}

func TestServeWithoutAdmin(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	exited := make(chan int)
	go func() {
		defer stdout.Close()
		exited <- run(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--admin-listen", "off"}, strings.NewReader(""), stdout, io.Discard, nil)
	}()
	lines := bufio.NewScanner(out)
	for range 4 {
		if !lines.Scan() || strings.Contains(lines.Text(), "metrics") {
			t.Errorf("printed %q", lines.Text())
		}
	}
	stop()
	if code := <-exited; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondServerOnTheSameDataIsRefused(t *testing.T) {
	s := start(t, t.TempDir())
	got := satchel(t, "", nil, "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--admin-listen", "off")
	if got.code != 1 || !strings.Contains(got.stderr, "another Satchel is running on this data") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	// The other commands work beside it.
	if got := satchel(t, "correct horse battery\n", nil, "user", "add", "ada", "--data", s.data); got.code != 0 {
		t.Errorf("user add beside a server: exit code %d: %s", got.code, got.stderr)
	}
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for _, flag := range []string{"--listen", "--admin-listen"} {
		got := satchel(t, "", []string{"SATCHEL_LISTEN=127.0.0.1:0", "SATCHEL_ADMIN_LISTEN=off"}, "serve", "--data", t.TempDir(), flag, address)
		want := "another program listens on " + address + ": stop it, or choose another address with " + flag
		if got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: exit code %d: %s", flag, got.code, got.stderr)
		}
	}
}

// A request that runs when the server is told to stop ends as if nothing had happened.
func TestShutdownLetsRequestsEnd(t *testing.T) {
	s := start(t, t.TempDir(), "SATCHEL_SHUTDOWN_GRACE=1m")
	token := s.signUp(t)
	body, sending := io.Pipe()
	status := make(chan string)
	go func() {
		response, _, err := try(http.MethodPut, s.base+"/dav/slow.txt", token, body)
		if err != nil {
			status <- err.Error()
			return
		}
		status <- response.Status
	}()
	if _, err := io.WriteString(sending, "first half, "); err != nil {
		t.Fatal(err)
	}
	s.metric(t, "satchel_http_requests_in_flight", 1)
	s.stop()
	for refused := false; !refused; { // no new connection is taken, while the running one goes on
		_, _, err := try(http.MethodGet, s.base+"/healthz", "", nil)
		refused = err != nil
	}
	if _, err := io.WriteString(sending, "second half"); err != nil {
		t.Fatal(err)
	}
	sending.Close()
	if got := <-status; got != "201 Created" {
		t.Errorf("the running upload ended with %s", got)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.stderr)
	}

	again := start(t, s.data)
	if _, text := ask(t, http.MethodGet, again.base+"/dav/slow.txt", token, nil); text != "first half, second half" {
		t.Errorf("stored %q", text)
	}
}

// A PATCH that is cut by the end of the server keeps what had arrived, and goes on after the next start.
func TestShutdownKeepsWhatACutUploadHadSent(t *testing.T) {
	s := start(t, t.TempDir(), "SATCHEL_SHUTDOWN_GRACE=0s")
	token := s.signUp(t)
	const half = 1 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), 2*half/16)

	const version = "Tus-Resumable: 1.0.0"
	created, _ := ask(t, http.MethodPost, s.base+"/files/", token, nil, version, fmt.Sprintf("Upload-Length: %d", len(content)), "Upload-Metadata: filename YmlnLmJpbg==")
	id := strings.TrimPrefix(created.Header.Get("Location"), s.base)
	if created.StatusCode != http.StatusCreated || id == "" {
		t.Fatalf("create: %s", created.Status)
	}

	body, sending := io.Pipe()
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		// How a cut request ends is not promised: with an answer or without.
		_, _, _ = try(http.MethodPatch, s.base+id, token, body, version, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
	}()
	if _, err := sending.Write(content[:half]); err != nil {
		t.Fatal(err)
	}
	s.metric(t, "satchel_bytes_received_total", half)
	s.stop()
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.stderr)
	}
	sending.Close()
	<-cut

	again := start(t, s.data)
	head, _ := ask(t, http.MethodHead, again.base+id, token, nil, version)
	if got := head.Header.Get("Upload-Offset"); got != strconv.Itoa(half) {
		t.Fatalf("after the restart the offset is %q (%s), want %d", got, head.Status, half)
	}
	rest, _ := ask(t, http.MethodPatch, again.base+id, token, bytes.NewReader(content[half:]), version, fmt.Sprintf("Upload-Offset: %d", half), "Content-Type: application/offset+octet-stream")
	if rest.StatusCode != http.StatusNoContent {
		t.Fatalf("the rest: %s", rest.Status)
	}
	if _, got := ask(t, http.MethodGet, again.base+"/dav/big.bin", token, nil); got != string(content) {
		t.Errorf("the file has %d bytes that differ from the %d sent", len(got), len(content))
	}
}
