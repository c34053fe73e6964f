package e2e

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// diagnosis is what the doctor says of a server at an address: the topics of what is wrong, each once, all that it wrote, and its exit code.
func (s *Server) diagnosis(t *testing.T, address string) (ill []string, out string, code int) {
	t.Helper()
	cmd := s.Command("doctor", "--at", address)
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+filepath.Join(binaryFolder, "authority.pem"))
	text, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^WRONG  ([^:]+):`).FindAllStringSubmatch(string(text), -1) {
		ill = append(ill, match[1])
	}
	slices.Sort(ill)
	return slices.Compact(ill), string(text), cmd.ProcessState.ExitCode()
}

// An nginx in front with each fault that people's have: the doctor names it, says the line, and names nothing else. Of the example of deploy/proxy it has
// nothing to say.
func TestDoctor(t *testing.T) {
	t.Parallel()
	const (
		location = "location / {"
		connects = `proxy_set_header Connection "";`
		proto    = "proxy_set_header X-Forwarded-Proto $scheme;"
		host     = "proxy_set_header Host $http_host;"
		forHost  = "proxy_set_header X-Forwarded-Host $http_host;"
	)
	stops := func(method string) []string {
		return []string{location, location + " if ($request_method = " + method + ") { return 405; }"}
	}
	loses := func(header string) []string {
		return []string{connects, connects + " proxy_set_header " + header + ` "";`}
	}

	trusting, distrusting := start(t, "SATCHEL_TRUSTED_PROXIES=127.0.0.1"), start(t)
	for name, c := range map[string]struct {
		change []string // pairs: what stands in the example, and what stands there now
		server *Server  // default the one that trusts nginx
		ill    string   // the topic; empty: nothing is wrong
		line   string   // that changes it
	}{
		"the example": {},

		"PATCH is stopped":    {change: stops("PATCH"), ill: "method PATCH", line: "$request_method, that stops PATCH"},
		"HEAD is stopped":     {change: stops("HEAD"), ill: "method HEAD", line: "$request_method, that stops HEAD"},
		"PUT is stopped":      {change: stops("PUT"), ill: "method PUT", line: "that stops PUT"},
		"PROPFIND is stopped": {change: stops("PROPFIND"), ill: "method PROPFIND", line: "that stops PROPFIND"},
		"MKCOL is stopped":    {change: stops("MKCOL"), ill: "method MKCOL", line: "that stops MKCOL"},
		"LOCK is stopped":     {change: stops("LOCK"), ill: "method LOCK", line: "that stops LOCK"},
		"COPY is stopped":     {change: stops("COPY"), ill: "method COPY", line: "that stops COPY"},
		"MOVE is stopped":     {change: stops("MOVE"), ill: "method MOVE", line: "that stops MOVE"},
		"DELETE is stopped":   {change: stops("DELETE"), ill: "method DELETE", line: "that stops DELETE"},

		"nginx's own limit of a body": {change: []string{"client_max_body_size 0;", ""}, ill: "size of a request", line: "client_max_body_size 0;"},
		"a larger limit of a body":    {change: []string{"client_max_body_size 0;", "client_max_body_size 2g;"}, ill: "size of a request", line: "client_max_body_size 0;"},
		"requests are buffered":       {change: []string{"proxy_request_buffering off;", ""}, ill: "uploads as they come", line: "proxy_request_buffering off;"},
		"answers are buffered": {change: []string{"proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"},
			ill: "events as they happen", line: "proxy_buffering off;"},

		"Authorization is lost":            {change: loses("Authorization"), ill: "header Authorization", line: "proxy_set_header Authorization"},
		"Tus-Resumable is lost":            {change: loses("Tus-Resumable"), ill: "header Tus-Resumable", line: "proxy_set_header Tus-Resumable"},
		"Upload-Offset is lost":            {change: loses("Upload-Offset"), ill: "header Upload-Offset", line: "proxy_set_header Upload-Offset"},
		"Upload-Offset is lost in answers": {change: []string{connects, connects + " proxy_hide_header Upload-Offset;"}, ill: "header Upload-Offset", line: "proxy_hide_header Upload-Offset;"},
		"Depth is lost":                    {change: loses("Depth"), ill: "header Depth", line: "proxy_set_header Depth"},
		"Destination is lost":              {change: loses("Destination"), ill: "header Destination", line: "proxy_set_header Destination"},
		"If is lost":                       {change: loses("If"), ill: "header If", line: "proxy_set_header If"},
		"Range is lost":                    {change: loses("Range"), ill: "header Range", line: "proxy_set_header Range"},

		"the scheme is not told":     {change: []string{proto, ""}, ill: "scheme", line: proto},
		"the host is not told":       {change: []string{host, "", forHost, ""}, ill: "host", line: host},
		"nginx is not trusted":       {server: distrusting, ill: "scheme", line: "trusted_proxies with the proxy's address"},
		"nothing is behind":          {change: []string{"server BACKEND;", "server 127.0.0.1:1;"}, ill: "reach"},
		"all that is behind is ours": {change: []string{location, location + " return 200 welcome;"}, ill: "reach"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.server
			if s == nil {
				s = trusting
			}
			address := freeAddress(t)
			cert, key := authority.Files(t.TempDir(), "127.0.0.1")
			site := replaced(t, "nginx.conf", append([]string{"server 127.0.0.1:8080;", "server BACKEND;", "listen 80;", "listen " + freeAddress(t) + ";", "listen 443 ", "listen " + address + " ",
				"/etc/letsencrypt/live/files.example.org/fullchain.pem", cert, "/etc/letsencrypt/live/files.example.org/privkey.pem", key}, c.change...)...)
			front := behindNginx(t, strings.ReplaceAll(site, "BACKEND", strings.TrimPrefix(s.URL, "http://")), address)

			ill, out, code := s.diagnosis(t, front.URL)
			var want []string
			if c.ill != "" {
				want = []string{c.ill}
			}
			if !slices.Equal(ill, want) || (code == 0) != (c.ill == "") || !strings.Contains(out, c.line) {
				t.Errorf("wrong is %q with exit code %d, want %q with the line %q:\n%s", ill, code, want, c.line, out)
			}
		})
	}
	t.Cleanup(func() { // after the subtests
		for _, s := range []*Server{trusting, distrusting} {
			if out := run(t, s.Command("user", "list")); strings.Contains(out, "doctor-") {
				t.Errorf("accounts stay:\n%s", out)
			}
			s.Stop()
		}
	})
}

// Without a proxy, at the server itself: what is wrong with what is its own.
func TestDoctorAtTheServer(t *testing.T) {
	t.Parallel()
	s, _ := startTLS(t)
	if ill, out, code := s.diagnosis(t, s.URL); len(ill) > 0 || code != 0 || !strings.Contains(out, "ok     database: sqlite") || !strings.Contains(out, "ok     tls_cert, tls_key: localhost, until ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if ill, out, code := s.diagnosis(t, "https://"+freeAddress(t)); !slices.Equal(ill, []string{"reach"}) || code != 1 {
		t.Errorf("where nobody listens: exit code %d:\n%s", code, out)
	}
	stranger := s.Command("doctor", "--at", s.URL) // who does not believe the certificate
	if out, err := stranger.CombinedOutput(); err == nil || !strings.Contains(string(out), "certificate signed by unknown authority") {
		t.Errorf("%v\n%s", err, out)
	}
	s.Env = append(s.Env, "SATCHEL_TLS_CERT=/nonexistent.pem")
	if ill, out, _ := s.diagnosis(t, s.URL); !slices.Equal(ill, []string{"tls_cert, tls_key"}) {
		t.Errorf("a certificate that is not there:\n%s", out)
	}
}
