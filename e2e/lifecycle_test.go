package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

const mebibyte = 1 << 20

// A stop in the middle of a PATCH keeps every byte that had arrived, also those that no answer has told of.
func TestStopKeepsWhatAPatchHadSent(t *testing.T) {
	t.Parallel()
	const size, sent = 48 * mebibyte, 20 * mebibyte
	eachDatabase(t, func(t *testing.T, s *Server) {
		s.Stop()
		s.Env = append(s.Env, "SATCHEL_SHUTDOWN_GRACE=1s")
		s.Start()
		ann := s.Register(t, "ann")
		upload := ann.CreateUpload(t, "kept.bin", size)
		patch := ann.hang(t, upload, 0, io.LimitReader(noise(5, size), sent))
		s.waitForMetric(t, "satchel_bytes_received_total", sent)
		s.Stop()
		patch.giveUp()
		s.Start()
		if offset := ann.Offset(t, upload); offset != sent {
			t.Errorf("after the stop the offset is %d; want the %d that were sent", offset, sent)
		}
		ann.finish(t, upload, 5, size, "kept.bin")
	})
}

// A kill in the middle of a PATCH loses nothing that an answer had told of, and the upload goes on to its end.
func TestKillKeepsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	const size, answered, more = 48 * mebibyte, 10 * mebibyte, 5 * mebibyte
	eachDatabase(t, func(t *testing.T, s *Server) {
		ann := s.Register(t, "ann")
		upload := ann.CreateUpload(t, "kept.bin", size)
		answer := ann.patch(t, upload, 0, io.LimitReader(noise(6, size), answered))
		if answer.StatusCode != http.StatusNoContent || answer.Header.Get("Upload-Offset") != strconv.Itoa(answered) {
			t.Fatalf("PATCH: %s, offset %s", answer.Status, answer.Header.Get("Upload-Offset"))
		}
		patch := ann.hang(t, upload, answered, io.LimitReader(skip(t, noise(6, size), answered), more))
		s.waitForMetric(t, "satchel_bytes_received_total", answered+more)
		s.Kill()
		patch.giveUp()
		s.Start()
		if offset := ann.Offset(t, upload); offset < answered || offset > answered+more {
			t.Errorf("after the kill the offset is %d; want from %d, which was answered, to %d, which was sent", offset, answered, answered+more)
		}
		ann.finish(t, upload, 6, size, "kept.bin")
	})
}

func TestASecondServerOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	second := s.Command("serve", "--listen", freeAddress(t), "--admin-listen", freeAddress(t))
	out, code := outcome(t, second)
	if code != 1 || !strings.Contains(out, "another Satchel is running on this data") || strings.Count(strings.TrimSpace(out), "\n") > 0 {
		t.Errorf("exit code %d and %q; want 1 and a line that tells why", code, out)
	}
	if answer := send(t, http.DefaultClient, http.MethodGet, s.URL+"/readyz", nil, nil); answer.StatusCode != http.StatusOK {
		t.Errorf("the first server is %s afterwards", answer.Status)
	}
	s.Kill() // a lock that a crash leaves behind holds nobody up
	s.Start()
}

func TestUnknownSettingsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		set  func(t *testing.T, cmd *exec.Cmd)
		want string
	}{
		{"a flag", func(t *testing.T, cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--listn=127.0.0.1:1") }, "listn"},
		{"a variable", func(t *testing.T, cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "SATCHEL_LISTN=127.0.0.1:1") }, "SATCHEL_LISTN"},
		{"a key of the file", func(t *testing.T, cmd *exec.Cmd) {
			file := filepath.Join(t.TempDir(), "satchel.toml")
			if err := os.WriteFile(file, []byte("listn = \"127.0.0.1:1\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd.Args = append(cmd.Args, "--config", file)
		}, "listn"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Server{t: t, Data: filepath.Join(t.TempDir(), "data")}
			cmd := s.Command("serve", "--listen", freeAddress(t), "--admin-listen", freeAddress(t))
			cmd.Dir = t.TempDir()
			test.set(t, cmd)
			if out, code := outcome(t, cmd); code != 2 || !strings.Contains(out, test.want) {
				t.Errorf("exit code %d and %q; want 2 and the name %s", code, out, test.want)
			}
		})
	}
}

func TestServerTellsWhereItIs(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, want := range []string{s.URL + "/", s.URL + "/files/", s.URL + "/dav/", s.Admin + "/metrics"} {
		if !strings.Contains(s.log.String(), want+"\n") {
			t.Errorf("at its start the server does not print %s:\n%s", want, s.log)
		}
	}
	health := s.Command("healthcheck", "--listen", strings.TrimPrefix(s.URL, "http://"))
	if out, code := outcome(t, health); code != 0 {
		t.Errorf("healthcheck of a server that runs: %d %s", code, out)
	}
	s.Stop()
	health = s.Command("healthcheck", "--listen", strings.TrimPrefix(s.URL, "http://"))
	if out, code := outcome(t, health); code != 1 {
		t.Errorf("healthcheck of a server that was stopped: %d %s", code, out)
	}
}

// An error names its request, and the log has a line of the same name.
func TestErrorsNameTheirRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	var problem struct {
		RequestID string `json:"request_id"`
		Code      string
		Status    int
	}
	decode(t, send(t, ann.Bearer, http.MethodGet, s.URL+"/api/v1/files/none", nil, nil), http.StatusNotFound, &problem)
	if problem.RequestID == "" || problem.Code == "" || problem.Status != http.StatusNotFound {
		t.Fatalf("the problem is %+v", problem)
	}
	for _, path := range []string{"/dav/none", "/raw/none"} {
		answer := send(t, ann.Bearer, http.MethodGet, s.URL+path, nil, nil)
		if id := answer.Header.Get("X-Request-Id"); answer.StatusCode != http.StatusNotFound || id == "" || !strings.Contains(answer.text, id) {
			t.Errorf("GET %s: %s, X-Request-Id %q, which the body does not repeat:\n%s", path, answer.Status, id, answer.text)
		}
	}
	s.Stop()
	var found bool
	for line := range strings.Lines(s.log.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["request_id"] == problem.RequestID {
			found = entry["status"] == float64(http.StatusNotFound)
		}
	}
	if !found {
		t.Errorf("no log line about request %s:\n%s", problem.RequestID, s.log)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	ann.Put(t, "counted.txt", "five!")
	ann.Get(t, "counted.txt")
	upload := ann.CreateUpload(t, "whole.bin", 3)
	ann.patch(t, upload, 0, strings.NewReader("abc"))

	text := s.metrics(t)
	for name, want := range map[string]float64{
		`satchel_http_requests_total{code="201",door="dav",method="PUT"}`:                  1,
		`satchel_http_requests_total{code="200",door="dav",method="GET"}`:                  1,
		`satchel_http_requests_total{code="204",door="tus",method="PATCH"}`:                1,
		`satchel_http_request_duration_seconds_count{code="201",door="dav",method="PUT"}`:  1,
		`satchel_http_request_duration_seconds_count{code="201",door="tus",method="POST"}`: 1,
		`satchel_uploads_begun_total`:                                                      1,
		`satchel_uploads_completed_total`:                                                  1,
		`satchel_bytes_received_total`:                                                     8,
		`satchel_bytes_stored_total`:                                                       8,
		`satchel_signins_total{result="register"}`:                                         1,
	} {
		if got, ok := metric(text, name); !ok || got != want {
			t.Errorf("%s is %v (there: %v); want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", `satchel_db_duration_seconds_count{op="update"}`, `satchel_bytes_sent_total{door="dav"}`} {
		if got, ok := metric(text, name); !ok || got <= 0 {
			t.Errorf("%s is %v (there: %v); want more than 0", name, got, ok)
		}
	}
	for _, private := range []string{"counted.txt", "whole.bin", `"ann"`, ann.ID} {
		if strings.Contains(text, private) {
			t.Errorf("the metrics tell %q", private)
		}
	}
	if answer := send(t, ann.Anonymous, http.MethodGet, s.URL+"/metrics", nil, nil); strings.Contains(answer.text, "satchel_http") {
		t.Errorf("everybody can read the metrics: %s", answer.Status)
	}
	for _, address := range []string{s.URL, s.Admin} {
		for _, path := range []string{"/healthz", "/readyz"} {
			if answer := send(t, ann.Anonymous, http.MethodGet, address+path, nil, nil); answer.StatusCode != http.StatusOK {
				t.Errorf("GET %s%s: %s", address, path, answer.Status)
			}
		}
	}
}

// h5_url of a sign-in opens the drive signed in, once.
func TestTicketOpensTheDriveOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	ann.Put(t, "mine.txt", "x")
	browser := newBrowser(t)
	if names := Listed(t, browser, ann.H5); len(names) != 1 || names[0] != "mine.txt" {
		t.Errorf("h5_url shows %q; want the drive", names)
	}
	answer := send(t, newBrowser(t), http.MethodGet, ann.H5, nil, nil)
	if strings.Contains(answer.text, "mine.txt") || !strings.HasPrefix(answer.Request.URL.Path, "/login") {
		t.Errorf("the second time it leads to %s (%s); want the page to sign in", answer.Request.URL, answer.Status)
	}
}

// CreateUpload begins a tus upload and answers its address.
func (a *Account) CreateUpload(t *testing.T, name string, size int64) (address string) {
	t.Helper()
	answer := send(t, a.Bearer, http.MethodPost, a.s.URL+"/files/", headers(map[string]string{
		"Tus-Resumable": "1.0.0", "Upload-Length": strconv.FormatInt(size, 10), "Upload-Metadata": "filename " + base64Of(name),
	}), nil)
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("POST /files/: %s\n%s", answer.Status, answer.text)
	}
	return answer.Header.Get("Location")
}

// Offset is where an upload is.
func (a *Account) Offset(t *testing.T, upload string) int64 {
	t.Helper()
	answer := send(t, a.Bearer, http.MethodHead, upload, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
	offset, err := strconv.ParseInt(answer.Header.Get("Upload-Offset"), 10, 64)
	if answer.StatusCode != http.StatusOK || err != nil {
		t.Fatalf("HEAD %s: %s, %v", upload, answer.Status, err)
	}
	return offset
}

func patchHeaders(offset int64) http.Header {
	return headers(map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": octets, "Upload-Offset": strconv.FormatInt(offset, 10)})
}

func (a *Account) patch(t *testing.T, upload string, offset int64, body io.Reader) reply {
	t.Helper()
	return send(t, a.Bearer, http.MethodPatch, upload, patchHeaders(offset), body)
}

// hanging is a PATCH whose client has sent something and then neither ends nor goes on.
type hanging struct {
	body  *io.PipeReader
	ended chan struct{}
}

// giveUp is the client's end, after the server's.
func (h hanging) giveUp() {
	h.body.Close()
	<-h.ended
}

func (a *Account) hang(t *testing.T, upload string, offset int64, sent io.Reader) hanging {
	t.Helper()
	body, feed := io.Pipe()
	h := hanging{body, make(chan struct{})}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, upload, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = patchHeaders(offset)
	go func() {
		defer close(h.ended)
		if answer, err := a.Bearer.Do(request); err == nil {
			answer.Body.Close()
		}
	}()
	go func() { _, _ = io.Copy(feed, sent) }() // fails when the server goes away, as it will
	return h
}

// finish sends the rest of an upload of noise and compares what became of it.
func (a *Account) finish(t *testing.T, upload string, seed uint64, size int64, name string) {
	t.Helper()
	offset := a.Offset(t, upload)
	answer := a.patch(t, upload, offset, skip(t, noise(seed, size), offset))
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("PATCH at %d: %s\n%s", offset, answer.Status, answer.text)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, noise(seed, size)); err != nil {
		t.Fatal(err)
	}
	if got, n := a.SHA256(t, name); n != size || got != hex.EncodeToString(hash.Sum(nil)) {
		t.Errorf("%s has %d bytes and SHA-256 %s; want %d and %x", name, n, got, size, hash.Sum(nil))
	}
}

func skip(t *testing.T, r io.Reader, n int64) io.Reader {
	t.Helper()
	if _, err := io.CopyN(io.Discard, r, n); err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *Server) metrics(t *testing.T) string {
	t.Helper()
	answer := send(t, http.DefaultClient, http.MethodGet, s.Admin+"/metrics", nil, nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET /metrics: %s", answer.Status)
	}
	return answer.text
}

// waitForMetric waits until a counter has reached want.
func (s *Server) waitForMetric(t *testing.T, name string, want float64) {
	t.Helper()
	var last float64
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if last, _ = metric(s.metrics(t), name); last >= want {
			return
		}
	}
	t.Fatalf("%s is %v and does not reach %v", name, last, want)
}

// metric is the value of a series, named as the text format names it.
func metric(text, series string) (float64, bool) {
	match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	value, err := strconv.ParseFloat(match[1], 64)
	return value, err == nil
}

// outcome runs a command that must end by itself.
func outcome(t *testing.T, cmd *exec.Cmd) (out string, code int) {
	t.Helper()
	kill := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	text, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err))
	}
	return string(text), cmd.ProcessState.ExitCode()
}
