package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// combined is a line as Apache's "combined" has it: nine fields.
var combined = regexp.MustCompile(`^(\S+) - (\S+) \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(\S+) (\S+) (HTTP/[\d.]+)" (\d{3}) (\d+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$`)

func newAccessLogged(t *testing.T, inCombined bool) (*front, *bytes.Buffer) {
	t.Helper()
	f, out := newFront(t, frontOptions{origin: behindProxy()}), &bytes.Buffer{}
	f.access = &accessLog{AccessLog: AccessLog{Out: out, Combined: inCombined}, log: f.Server.log}
	return f, out
}

func TestAccessLogOfItsOwn(t *testing.T) {
	ask := func(f *front) {
		r := httptest.NewRequest(http.MethodPut, "/dav/a%20b/%C3%A9.txt?ticket=secret", strings.NewReader("hello"))
		r.Header.Set("Authorization", "Bearer "+f.signIn.AccessToken)
		r.Header.Set("User-Agent", `curl/8.0 "quoted"`)
		r.Header.Set("Referer", "https://files.example.org/s/secret/x?ticket=secret")
		r.Header.Set("X-Forwarded-For", "203.0.113.77")
		r.RemoteAddr = "10.0.0.2:4711"
		f.do(r)
		f.do(httptest.NewRequest(http.MethodGet, "/healthz", nil))
	}
	t.Run("json", func(t *testing.T) {
		f, out := newAccessLogged(t, false)
		ask(f)
		var l map[string]any
		if err := json.Unmarshal(out.Bytes(), &l); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		for key, want := range map[string]any{
			"client": "203.0.113.77", "user": f.signIn.User.ID, "door": "dav", "method": "PUT", "path": "/dav/a b/\u00e9.txt", "protocol": "HTTP/1.1", "status": 200.0,
			"bytes": float64(len("alice by bearer")), "received": 0.0, "user_agent": `curl/8.0 "quoted"`, "referer": "https://files.example.org/s/%E2%80%A6/x",
		} {
			if l[key] != want {
				t.Errorf("%s is %v; want %v", key, l[key], want)
			}
		}
		if l["time"] == nil || l["took"] == nil || l["request_id"] == nil {
			t.Errorf("the line is %s", out)
		}
		if lines := f.log.lines(t, "request"); len(lines) != 0 {
			t.Errorf("the log has requests too: %v", lines)
		}
	})
	t.Run("combined", func(t *testing.T) {
		f, out := newAccessLogged(t, true)
		ask(f)
		m := combined.FindStringSubmatch(strings.TrimSuffix(out.String(), "\n"))
		if m == nil {
			t.Fatalf("the line is %q", out)
		}
		want := []string{"203.0.113.77", f.signIn.User.ID, m[3], "PUT", "/dav/a%20b/%C3%A9.txt", "HTTP/1.1", "200", "15", "https://files.example.org/s/%E2%80%A6/x", `curl/8.0 \"quoted\"`}
		if got := m[1:]; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("the line has %q; want %q", got, want)
		}
	})
}

// Whatever strangers send is in one line, in its field, and short; what opens something is not there.
func TestAccessLogOfStrangers(t *testing.T) {
	long := strings.Repeat("\u718a", 3000)
	for _, inCombined := range []bool{false, true} {
		f, out := newAccessLogged(t, inCombined)
		for _, c := range []struct{ path, agent, referer, forwarded string }{
			{"/s/secret/a.txt", "x", "", ""},
			{"//s/secret", "x", "https://files.example.org/d/secret/cat.jpg#secret", ""},
			{"/s/%2e/secret", "x", "secret", ""},
			{"/drop/secret/upload", "x", "ftp://files.example.org/secret", ""},
			{"/login?ticket=secret", "x", "", ""},
			{"/a%0a203.0.113.1%20-%20-%20%22GET", "x", "", ""},
			{"/%22%5c%00%1b%5b31m%e2%80%a8%ff", `" 200 0 "-" "forged`, `https://h/"\`, ""},
			{"/x", "one\ntwo\r\nthree\x00\x1b[31m\u2028\xff\\", "https://h/\n", ""},
			{"/" + long, long, "https://h/" + long, ""},
			{"/x", "", "", "fe80::1%\" \"\n"},
		} {
			out.Reset()
			r := httptest.NewRequest(http.MethodGet, c.path, nil)
			r.Header["User-Agent"], r.Header["Referer"], r.Header["X-Forwarded-For"] = []string{c.agent}, []string{c.referer}, []string{c.forwarded}
			r.RemoteAddr = "10.0.0.2:4711"
			f.do(r)
			line := out.String()
			switch {
			case strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\r\x00\x1b\u2028"):
				t.Errorf("%q: more than a line: %q", c, line)
			case strings.Contains(line, "secret"):
				t.Errorf("%q: %q tells what opens something", c, line)
			case len(line) > 16<<10:
				t.Errorf("%.20q: a line has %d bytes", c, len(line))
			case inCombined && !combined.MatchString(strings.TrimSuffix(line, "\n")):
				t.Errorf("%q: %q has other fields", c, line)
			case !inCombined && !json.Valid([]byte(line)):
				t.Errorf("%q: %q is no JSON", c, line)
			}
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A log that cannot be written costs no request anything, and is told of now and then.
func TestAccessLogThatIsBroken(t *testing.T) {
	f := newFront(t, frontOptions{})
	f.access = &accessLog{AccessLog: AccessLog{Out: brokenWriter{}}, log: f.Server.log}
	for range 3 {
		if w := f.do(httptest.NewRequest(http.MethodGet, "/dav/", nil)); w.Code != http.StatusOK {
			t.Errorf("answered %d", w.Code)
		}
	}
	if lines := f.log.lines(t, "the access log is not written as it should be"); len(lines) != 1 {
		t.Errorf("told %d times", len(lines))
	}
}

// Of a request whose connection was cut there was no status.
func TestAccessLogOfACutRequest(t *testing.T) {
	f, out := newAccessLogged(t, true)
	f.doors.web.handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	func() {
		defer func() { _ = recover() }()
		f.do(httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	if m := combined.FindStringSubmatch(strings.TrimSuffix(out.String(), "\n")); m == nil || m[7] != "499" {
		t.Errorf("the line is %q", out)
	}
}
