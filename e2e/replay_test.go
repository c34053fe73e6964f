package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// TestReplays plays what desktops and apps are known to send over WebDAV against the server, request by request, and checks
// the answers that they need. The files in replays/ are written from notes on these clients; they are no recordings, and
// passing them is no proof that a desktop works.
//
// A file is read line by line:
//
//	# …                      a comment
//	all Name: value          a header of every request that follows
//	as ann, as nobody        whose credentials the requests that follow bring; at first nobody's
//	> METHOD PATH            a request, and in the lines that follow
//	> Name: value            its headers,
//	> (chunked)              its body in chunks instead of with a Content-Length,
//	> (30000000 bytes)       a body of so many bytes,
//	>                        an empty line before its body,
//	> text                   and the body
//	< 207                    the answer's status,
//	< Name: value            a header,
//	< spelled Name: value    a header whose name has these letters on the wire,
//	< no Name                a header that must not be there,
//	< is text                the whole body, without line ends around it,
//	< has text               something in its body,
//	< lacks text             something that must not be there,
//	< early                  the answer was there before the request's body had gone
//
// {name} takes up what stands there in an answer, and stands for it from then on; {host} is the server's.
// Everything in XML is read as XML, too.
func TestReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("replays/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no replays: %v", err)
	}
	for engine, database := range map[string]func(testing.TB) string{
		"sqlite": func(testing.TB) string { return "" }, "postgres": sqldbtest.PostgresURL,
	} {
		t.Run(engine, func(t *testing.T) {
			s := startOn(t, database(t), "SATCHEL_QUOTA=20MB", "SATCHEL_CORS_ORIGINS=app://obsidian.md,capacitor://localhost,http://localhost")
			for i, file := range files {
				name := strings.TrimSuffix(filepath.Base(file), ".txt")
				t.Run(name, func(t *testing.T) {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					user := s.Register(t, fmt.Sprintf("user%d", i))
					r := &replay{t: t, s: s, user: user.Name, names: map[string]string{"host": strings.TrimPrefix(s.URL, "http://")}}
					defer r.hangUp()
					for number, line := range strings.Split(string(text), "\n") {
						r.line(fmt.Sprintf("%s:%d", filepath.Base(file), number+1), line)
					}
					r.judge()
				})
			}
			s.Stop()
			s.fsck()
		})
	}
}

// replay is a session under way.
type replay struct {
	t     *testing.T
	s     *Server
	user  string
	names map[string]string // what {name} stands for
	all   []string          // headers of every request
	known bool              // whether they bring credentials

	conn net.Conn // kept from request to request, as clients do
	in   *bufio.Reader

	where   string // of the request, in the file
	request *outgoing
	wanted  []string
}

// outgoing is a request.
type outgoing struct {
	method, path string
	headers      []string
	body         []string
	inBody       bool
	chunked      bool
	size         int // of a made-up body
}

// incoming is an answer.
type incoming struct {
	status  int
	headers [][2]string // as on the wire
	body    string
	early   bool
}

func (r *replay) line(where, line string) {
	r.t.Helper()
	switch {
	case strings.HasPrefix(line, "> ") && (r.request == nil || len(r.wanted) > 0):
		r.judge()
		method, path, _ := strings.Cut(line[2:], " ")
		r.where, r.request = where, &outgoing{method: method, path: path}
	case line == ">" || strings.HasPrefix(line, "> "):
		r.request.add(r.t, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
	case strings.HasPrefix(line, "< "):
		r.wanted = append(r.wanted, line[2:])
	case line == "", strings.HasPrefix(line, "#"):
		r.judge()
	case strings.HasPrefix(line, "all "):
		r.all = append(r.all, line[4:])
	case line == "as ann", line == "as nobody":
		r.known = line == "as ann"
	default:
		r.t.Fatalf("%s: what is %q?", where, line)
	}
}

func (o *outgoing) add(t *testing.T, text string) {
	t.Helper()
	switch {
	case o.inBody:
		o.body = append(o.body, text)
	case text == "":
		o.inBody = true
	case text == "(chunked)":
		o.chunked = true
	case strings.HasPrefix(text, "("):
		var err error
		if o.size, err = strconv.Atoi(strings.TrimSuffix(text[1:], " bytes)")); err != nil {
			t.Fatal(err)
		}
	default:
		o.headers = append(o.headers, text)
	}
}

// judge sends the request that was read, if there is one, and looks at what comes back.
func (r *replay) judge() {
	r.t.Helper()
	if r.request == nil {
		return
	}
	o, wanted := r.request, r.wanted
	r.request, r.wanted = nil, nil
	got, err := r.ask(o)
	if err != nil {
		r.t.Fatalf("%s: %s %s: %v", r.where, o.method, o.path, err)
	}
	for _, want := range wanted {
		if !r.fits(got, want) {
			r.t.Fatalf("%s: %s %s: want %s\ngot %d %v\n%s", r.where, o.method, r.filled(o.path), r.filled(want), got.status, got.headers, got.body)
		}
	}
	if strings.HasPrefix(got.header("Content-Type"), "application/xml") && got.body != "" {
		if err := xml.Unmarshal([]byte(got.body), &struct{}{}); err != nil {
			r.t.Errorf("%s: %s %s: %v\n%s", r.where, o.method, o.path, err, got.body)
		}
	}
}

// fits checks one line of what is wanted.
func (r *replay) fits(got incoming, want string) bool {
	switch word, rest, _ := strings.Cut(want, " "); word {
	case "has":
		return r.matches(got.body, rest, `[^<>]+`, false)
	case "lacks":
		return !strings.Contains(got.body, r.filled(rest))
	case "is":
		return r.matches(strings.Trim(got.body, "\r\n"), rest, `[^<>]+`, true)
	case "no":
		return got.header(rest) == ""
	case "early":
		return got.early
	}
	if status, err := strconv.Atoi(want); err == nil {
		return got.status == status
	}
	want, spelled := strings.CutPrefix(want, "spelled ")
	name, value, _ := strings.Cut(want, ": ")
	for _, h := range got.headers {
		if (h[0] == name || !spelled && strings.EqualFold(h[0], name)) && r.matches(h[1], value, `.+`, true) {
			return true
		}
	}
	return false
}

func (a incoming) header(name string) string {
	for _, h := range a.headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

var placeholder = regexp.MustCompile(`\{[a-z0-9]+\}`)

// filled puts in what is known for {name}.
func (r *replay) filled(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		if value, ok := r.names[p[1:len(p)-1]]; ok {
			return value
		}
		return p
	})
}

// matches compares text with a pattern, and takes up what stands for a {name} that is not known yet.
func (r *replay) matches(text, pattern, unknown string, whole bool) bool {
	pattern = r.filled(pattern)
	var names []string
	expression := ""
	at := 0
	for _, p := range placeholder.FindAllStringIndex(pattern, -1) {
		names = append(names, pattern[p[0]+1:p[1]-1])
		expression += regexp.QuoteMeta(pattern[at:p[0]]) + "(" + unknown + ")"
		at = p[1]
	}
	expression += regexp.QuoteMeta(pattern[at:])
	if whole {
		expression = "^" + expression + "$"
	}
	found := regexp.MustCompile(expression).FindStringSubmatch(text)
	if found == nil {
		return false
	}
	for i, name := range names {
		r.names[name] = found[i+1]
	}
	return true
}

// replayPatience bounds one request.
const replayPatience = time.Minute

func (r *replay) ask(o *outgoing) (incoming, error) {
	if r.conn == nil {
		conn, err := net.Dial("tcp", r.names["host"])
		if err != nil {
			return incoming{}, err
		}
		r.conn, r.in = conn, bufio.NewReader(conn)
	}
	_ = r.conn.SetDeadline(time.Now().Add(replayPatience))
	head, body := r.wire(o)
	if _, err := io.WriteString(r.conn, head); err != nil {
		return incoming{}, err
	}
	var gone atomic.Bool
	sent := make(chan error, 1)
	go func() {
		_, err := body.WriteTo(r.conn)
		gone.Store(err == nil)
		sent <- err
	}()
	got, err := r.read(o.method)
	got.early = !gone.Load()
	if err != nil {
		return got, err
	}
	if got.early || got.header("Connection") == "close" {
		r.hangUp()
	}
	if err := <-sent; err != nil && !got.early {
		return got, err
	}
	return got, nil
}

func (r *replay) hangUp() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

// wire is a request as it is sent.
func (r *replay) wire(o *outgoing) (head string, body *bytes.Buffer) {
	content := []byte(r.filled(strings.Join(o.body, "\n")))
	if o.size > 0 {
		content = bytes.Repeat([]byte("x"), o.size)
	}
	lines := []string{o.method + " " + r.filled(o.path) + " HTTP/1.1", "Host: " + r.names["host"]}
	if r.known {
		lines = append(lines, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(r.user+":"+password)))
	}
	for _, h := range append(r.all[:len(r.all):len(r.all)], o.headers...) {
		lines = append(lines, r.filled(h))
	}
	body = &bytes.Buffer{}
	switch {
	case o.chunked:
		lines = append(lines, "Transfer-Encoding: chunked")
		for len(content) > 0 {
			n := min(len(content), 32<<10)
			fmt.Fprintf(body, "%x\r\n%s\r\n", n, content[:n])
			content = content[n:]
		}
		body.WriteString("0\r\n\r\n")
	case len(content) > 0 || o.method == http.MethodPut:
		lines = append(lines, "Content-Length: "+strconv.Itoa(len(content)))
		body.Write(content)
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n", body
}

// read takes an answer, with its headers as they are on the wire.
func (r *replay) read(method string) (got incoming, err error) {
	var head bytes.Buffer
	for {
		line, err := r.in.ReadString('\n')
		if err != nil {
			return got, fmt.Errorf("after %q: %w", head.String(), err)
		}
		head.WriteString(line)
		if strings.TrimSpace(line) == "" {
			break
		}
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			got.headers = append(got.headers, [2]string{name, value})
		}
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.MultiReader(&head, r.in)), &http.Request{Method: method})
	if err != nil {
		return got, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return got, errors.New("the answer broke off")
	}
	got.status, got.body = answer.StatusCode, string(body)
	return got, err
}
