package dav_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// play runs a script, a line a step. Paths are below /dav.
//
//	METHOD PATH [Header: value; Header: value] body TEXT want STATUS has TEXT & TEXT lacks TEXT
//	    sends a request; all but METHOD, PATH and want can be left out. has and lacks look at the answer's headers, a line each, and body.
//	PATH holds TEXT
//	    checks a file's content; "-" is no file, "empty" one without a byte.
//	lock NAME PATH [Header: value]
//	share NAME PATH [Header: value]
//	    takes an exclusive or a shared lock. {NAME} is its token in the lines that follow.
//	etag NAME PATH
//	    {NAME} is the file's entity tag.
//	after DURATION
//	    moves the server's clock.
//
// The body @lock asks for an exclusive lock, @shared for a shared one.
func (s *server) play(script string) {
	s.t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s.step(line)
	}
}

func (s *server) step(line string) {
	s.t.Helper()
	spoken := line
	for name, value := range s.names {
		spoken = strings.ReplaceAll(spoken, "{"+name+"}", value)
	}
	verb, rest, _ := strings.Cut(spoken, " ")
	switch path, content, ok := strings.Cut(spoken, " holds "); {
	case ok && content == "empty":
		s.holds("/dav"+path, "")
	case ok:
		s.holds("/dav"+path, content)
	case verb == "lock", verb == "share":
		name, rest, _ := strings.Cut(rest, " ")
		path, headers, _ := strings.Cut(rest, " ")
		body := lockBody
		if verb == "share" {
			body = sharedBody
		}
		s.names[name] = s.lockWith("/dav"+path, headerLines(headers), body)
	case verb == "etag":
		name, path, _ := strings.Cut(rest, " ")
		s.names[name] = s.want(200, "HEAD", "/dav"+path, "").header.Get("ETag")
	case verb == "after":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		s.ahead.Add(int64(d))
	default:
		s.request(line, spoken)
	}
}

// headerLines takes "[Name: value; Name: value]" apart.
func headerLines(list string) string {
	return strings.ReplaceAll(strings.Trim(list, "[]"), "; ", "\n")
}

func (s *server) request(line, spoken string) {
	s.t.Helper()
	spoken, lacks, _ := strings.Cut(spoken, " lacks ")
	spoken, has, _ := strings.Cut(spoken, " has ")
	request, want, ok := strings.Cut(spoken, " want ")
	if !ok {
		s.t.Fatalf("%q is not a line of a script", line)
	}
	method, rest, _ := strings.Cut(request, " ")
	path, rest, _ := strings.Cut(rest, " ")
	headers, text, _ := strings.Cut(" "+rest, " body ")
	var body []string
	switch text {
	case "":
	case "@lock":
		body = []string{lockBody}
	case "@shared":
		body = []string{sharedBody}
	default:
		body = []string{text}
	}
	a := s.do(method, "/dav"+path, headerLines(strings.TrimSpace(headers)), body...)
	told := a.body
	for name, values := range a.header {
		told = name + ": " + strings.Join(values, ", ") + "\n" + told
	}
	if want != strconv.Itoa(a.status) {
		s.t.Errorf("%s\nis %d\n%s", line, a.status, told)
		return
	}
	for _, part := range pieces(has) {
		if !strings.Contains(told, part) {
			s.t.Errorf("%s\nlacks %s:\n%s", line, part, told)
		}
	}
	for _, part := range pieces(lacks) {
		if strings.Contains(told, part) {
			s.t.Errorf("%s\nhas %s:\n%s", line, part, told)
		}
	}
}

func pieces(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, " & ")
}

// scene is a script that begins with an empty drive.
type scene struct{ name, script string }

func playAll(t *testing.T, all []scene) {
	t.Helper()
	cases(t, all, func(c scene) (string, setup) { return c.name, setup{} }, func(s *server, c scene) { s.play(c.script) })
}
