package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"
	tusd "github.com/tus/tusd/v2/pkg/hooks"
)

// gatekeeper is a receiver of tusd's pre-create hook, with tusd's own types.
type gatekeeper struct {
	URL string

	mu    sync.Mutex
	asked []string
	say   func(tusd.HookRequest) tusd.HookResponse
}

func newGatekeeper(t *testing.T) *gatekeeper {
	g := &gatekeeper{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			tusd.HookRequest
			Event struct {
				handler.HookEvent
				Satchel struct{ User, Owner, Path, Door, Share string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Type != tusd.HookPreCreate {
			t.Errorf("%v, %+v", err, asked)
		}
		for name := range asked.Event.HTTPRequest.Header {
			if strings.Contains(name, "Auth") || name == "Cookie" {
				t.Errorf("the receiver is told %s", name)
			}
		}
		to := asked.Event.Satchel
		g.mu.Lock()
		defer g.mu.Unlock()
		u := asked.Event.Upload
		size := fmt.Sprint(u.Size)
		if u.SizeIsDeferred {
			size = "?"
		}
		g.asked = append(g.asked, fmt.Sprintf("%s/%s %s %s %s %s %s", to.User, to.Owner, to.Door, asked.Event.HTTPRequest.Method, asked.Event.HTTPRequest.URI, to.Path, size))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.say(tusd.HookRequest{Type: asked.Type, Event: asked.Event.HookEvent}))
	}))
	t.Cleanup(server.Close)
	g.URL = server.URL
	return g
}

func (g *gatekeeper) env() []string {
	return []string{"SATCHEL_ADMIT_WEBHOOK=" + g.URL, "SATCHEL_ADMIT_WEBHOOK_SECRET=0123456789abcdef"}
}

// says sets what it answers from now on, and forgets what it was asked.
func (g *gatekeeper) says(say func(tusd.HookRequest) tusd.HookResponse) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.say, g.asked = say, nil
}

func (g *gatekeeper) heard() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.asked, "\n")
}

// At every door a no arrives with its status and words, and nothing of ours went out with the question.
func TestEveryDoorAsks(t *testing.T) {
	t.Parallel()
	g := newGatekeeper(t)
	g.says(func(tusd.HookRequest) tusd.HookResponse { return tusd.HookResponse{} })
	s := start(t, g.env()...)
	ann := s.Register(t, "ann")
	_, box := ann.boxOf(t, "")
	link := strings.Replace(strings.TrimSuffix(box, "/"), "/drop/", "/s/", 1)
	ann.Put(t, "old", "content that is there")
	tus := func(name string, more ...string) http.Header {
		h := map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte(name))}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return headers(h)
	}
	const form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n12345\r\n--x--\r\n"
	formed := headers(map[string]string{"Content-Type": "multipart/form-data; boundary=x"})
	g.says(func(tusd.HookRequest) tusd.HookResponse {
		return tusd.HookResponse{RejectUpload: true, HTTPResponse: handler.HTTPResponse{StatusCode: 451, Body: "Not <here>.",
			Header: handler.HTTPHeader{"Set-Cookie": "a=b", "Content-Language": "en", "Location": "https://example.org/", "Access-Control-Allow-Origin": "*"}}}
	})
	var want []string
	for _, c := range []struct {
		what, method, path string
		who                *http.Client
		header             http.Header
		body, asked, says  string
	}{
		{"tus", "POST", "/files/", ann.Bearer, tus("f"), "", "ann/ann tus POST /files/ /f 5", "Not <here>."},
		{"tus with its bytes", "POST", "/files/", ann.Bearer, tus("f", "Content-Type", "application/offset+octet-stream"), "12345", "ann/ann tus POST /files/ /f 5", "Not <here>."},
		{"a part", "POST", "/files/", ann.Bearer, tus("f", "Upload-Concat", "partial"), "", "ann/ann tus POST /files/  5", "Not <here>."},
		{"the draft", "POST", "/files/", ann.Bearer, headers(map[string]string{"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1", "Content-Disposition": `attachment; filename="f"`}), "12345",
			"ann/ann tus POST /files/ /f 5", `"detail":"Not \u003chere\u003e."`},
		{"tus at a folder", "POST", "/dav/inbox/", ann.Basic, tus("f"), "", "ann/ann dav POST /dav/inbox/ /inbox/f 5", "Not <here>."},
		{"PUT", "PUT", "/dav/f", ann.Basic, nil, "12345", "ann/ann dav PUT /dav/f /f 5", "<S:message>Not &lt;here&gt;.</S:message>"},
		{"PATCH", "PATCH", "/dav/old", ann.Basic, headers(map[string]string{"Content-Type": "application/x-sabredav-partialupdate", "X-Update-Range": "append"}), "12345",
			"ann/ann dav PATCH /dav/old /old 26", "<S:message>Not &lt;here&gt;.</S:message>"},
		{"chunks", "MKCOL", "/remote.php/dav/uploads/ann/up", ann.Basic, nil, "", "ann/ann dav MKCOL /remote.php/dav/uploads/ann/up  ?", "<S:message>Not &lt;here&gt;.</S:message>"},
		{"a form of the API", "POST", "/api/v1/files/", ann.Bearer, formed, form, "ann/ann api POST /api/v1/files/ /f ?", `"code":"upload_rejected"`},
		{"a form of the pages", "POST", "/drive/", ann.Bearer, formed, form, "ann/ann web POST /drive/ /f ?", "Not &lt;here&gt;."},
		{"a drop box", "POST", box, http.DefaultClient, tus("f"), "", "/ann drop POST /drop/…/ /inbox/f 5", "Not <here>."},
		{"a form of a drop box", "POST", link, http.DefaultClient, formed, form, "/ann web POST /s/… /inbox/f ?", "Not &lt;here&gt;."},
	} {
		answer := send(t, c.who, c.method, s.URL+c.path, c.header, strings.NewReader(c.body))
		if answer.StatusCode != 451 || !strings.Contains(answer.text, c.says) {
			t.Errorf("%s: %s\n%s", c.what, answer.Status, answer.text)
		}
		if h := answer.Header; h.Get("Set-Cookie") != "" || h.Get("Location") != "" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", c.what, h)
		}
		want = append(want, c.asked)
	}
	if heard, want := g.heard(), strings.ReplaceAll(strings.Join(want, "\n"), "…", "%E2%80%A6"); heard != want {
		t.Errorf("asked\n%s\nwant\n%s", heard, want)
	}
	if names := Listed(t, ann.Browser(t), s.URL+"/drive"); fmt.Sprint(names) != "[inbox old]" {
		t.Errorf("the drive holds %q", names)
	}
	// A name that the receiver gives holds where the client leaves it to the server.
	g.says(func(r tusd.HookRequest) tusd.HookResponse {
		return tusd.HookResponse{ChangeFileInfo: handler.FileInfoChanges{ID: "mine", MetaData: handler.MetaData{"filename": "renamed"}}}
	})
	answer := send(t, ann.Bearer, "POST", s.URL+"/files/", tus("f", "Content-Type", "application/offset+octet-stream"), strings.NewReader("12345"))
	if answer.StatusCode != http.StatusCreated || strings.Contains(answer.Header.Get("Location"), "mine") {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
	ann.Put(t, "put", "12345")
	if names := Listed(t, ann.Browser(t), s.URL+"/drive"); fmt.Sprint(names) != "[inbox old put renamed]" {
		t.Errorf("the drive holds %q", names)
	}
}

// Nobody to ask: nothing begins, and clients come again.
func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	s := start(t, "SATCHEL_ADMIT_WEBHOOK=http://"+freeAddress(t), "SATCHEL_ADMIT_WEBHOOK_SECRET=0123456789abcdef")
	ann := s.Register(t, "ann")
	for _, c := range []struct{ method, path string }{{"POST", "/files/"}, {"PUT", "/dav/f"}} {
		answer := send(t, ann.Basic, c.method, s.URL+c.path, headers(map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "0"}), nil)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "5" || answer.Header.Get("Location") != "" {
			t.Errorf("%s: %s %v %s", c.method, answer.Status, answer.Header, answer.text)
		}
	}
	if names := Listed(t, ann.Browser(t), s.URL+"/drive"); len(names) != 0 {
		t.Errorf("the drive holds %q", names)
	}
}

// The receiver of docs/webhooks.md, asked by tus-js-client's uploads: a rejection is in the error that the client's program sees.
func TestReceiverOfThePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)<!-- tested: receiver -->\n```js\n(.*?)```").FindSubmatch(text)
	if code == nil {
		t.Fatal("docs/webhooks.md has no receiver")
	}
	folder := t.TempDir()
	script, file := filepath.Join(folder, "receiver.mjs"), filepath.Join(folder, "file")
	if err := os.WriteFile(script, code[1], 0o600); err != nil {
		t.Fatal(err)
	}
	noiseFile(t, file, 1, 1<<20)
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	receiver := tool(t, folder, program(t, "node", "nodejs"), script)
	receiver.Env = append(receiver.Env, "PORT="+port, "SECRET=0123456789abcdef")
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = receiver.Process.Kill(), receiver.Wait() })
	waitFor(t, "the receiver listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	s := start(t, "SATCHEL_ADMIT_WEBHOOK=http://"+address, "SATCHEL_ADMIT_WEBHOOK_SECRET=0123456789abcdef")
	ann := s.Register(t, "ann")
	upload := func(name string) (string, error) {
		out, err := node(t, "upload.mjs", s.URL+"/files/", ann.Token, file, name, "1000000").CombinedOutput()
		return string(out), err
	}
	if out, err := upload("disk.iso"); err == nil || !strings.Contains(out, "response code: 403, response text: No images of disks, please.") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := upload("film.mkv"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	scene(t, "admission.mjs", "upload", s.URL, t.TempDir())
	if answer := send(t, http.DefaultClient, "POST", "http://"+address, nil, strings.NewReader("{}")); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a question that nobody signed: %s", answer.Status)
	}
	if names := Listed(t, ann.Browser(t), s.URL+"/drive"); fmt.Sprint(names) != "[film.mkv song.flac]" {
		t.Errorf("the drive holds %q", names)
	}
}
