package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// box makes a drop box of /in and answers the address where its uploads begin.
func (h *house) box(n drive.NewShare) (share drive.Share, endpoint string) {
	h.t.Helper()
	n.Kind = drive.ShareDrop
	share, err := h.drives.MakeShare(h.t.Context(), h.user, "/in", n)
	if err != nil {
		h.t.Fatal(err)
	}
	return share, "/drop/" + share.Token + "/"
}

// ask is a request of somebody without an account.
func (h *house) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, content)
	r.Header.Set("Tus-Resumable", "1.0.0")
	if body != "" {
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.server.Public().ServeHTTP(final{w}, r)
	return w
}

func named(name string) string {
	return "Upload-Metadata: filename " + base64.StdEncoding.EncodeToString([]byte(name))
}

func length(n int) string { return "Upload-Length: " + strconv.Itoa(n) }

// begun is the path of an upload that was just begun.
func (h *house) begun(w *httptest.ResponseRecorder) string {
	h.t.Helper()
	at, ours := strings.CutPrefix(w.Header().Get("Location"), "http://example.com/drop/")
	if w.Code != http.StatusCreated || !ours {
		h.t.Fatalf("not begun: %d %s %v", w.Code, w.Body, w.Header())
	}
	return "/drop/" + at
}

func (h *house) content(path drive.Path) string {
	h.t.Helper()
	_, content, err := h.drives.Open(h.t.Context(), h.user, path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer content.Close()
	b, err := io.ReadAll(content)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

func (h *house) status(what string, w *httptest.ResponseRecorder, want int) {
	h.t.Helper()
	if w.Code != want {
		h.t.Errorf("%s: %d %s, want %d", what, w.Code, w.Body, want)
	}
	if w.Header().Get("Tus-Resumable") != "1.0.0" {
		h.t.Errorf("%s: no Tus-Resumable", what)
	}
}

func TestAnybodyWithTheLinkSendsByTus(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		_, box := h.box(drive.NewShare{MaxSize: 1000})
		options := h.ask("OPTIONS", box, "")
		h.status("OPTIONS", options, 204)
		for name, want := range map[string]string{"Tus-Max-Size": "1000", "Tus-Extension": "creation,creation-with-upload,termination,expiration,checksum,checksum-trailer", "Allow": "OPTIONS, POST, HEAD, PATCH, DELETE", "Accept-Patch": ""} {
			if got := options.Header().Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		// What a stranger says of the place counts for nothing, and the name that is taken stays as it is.
		metadata := named("file") + ",folder " + b64("/private-tree") + ",relativePath " + b64("/sub/file") + ",conflict " + b64("replace") + ",sha256 " + b64("no hash")
		at := h.begun(h.ask("POST", box, "first ", length(17), metadata))
		head := h.ask("HEAD", at, "")
		h.status("HEAD", head, 200)
		if head.Header().Get("Upload-Offset") != "6" || head.Header().Get("Upload-Length") != "17" || head.Header().Get("Upload-Expires") == "" || head.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%v", head.Header())
		}
		sum := sha256.Sum256([]byte("second "))
		h.status("a wrong checksum", h.ask("PATCH", at, "sEcond ", "Upload-Offset: 6", "Upload-Checksum: sha256 "+base64.StdEncoding.EncodeToString(sum[:])), 460)
		h.status("a checksum", h.ask("PATCH", at, "second ", "Upload-Offset: 6", "Upload-Checksum: sha256 "+base64.StdEncoding.EncodeToString(sum[:])), 204)
		h.status("another offset", h.ask("PATCH", at, "last", "Upload-Offset: 2"), 409)
		last := h.ask("PATCH", at, "last", "Upload-Offset: 13")
		h.status("the last bytes", last, 204)
		if got := h.content("/in/file (1)"); got != "first second last" {
			t.Errorf("it holds %q", got)
		}
		again := h.ask("HEAD", at, "")
		if again.Header().Get("Upload-Offset") != "17" || strings.Contains(fmt.Sprint(again.Header()), "(1)") {
			t.Errorf("%v", again.Header())
		}
		for what, w := range map[string]*httptest.ResponseRecorder{
			"no protocol":     h.ask("POST", box, "", length(5), named("x"), "Tus-Resumable: 0.2"),
			"too large":       h.ask("POST", box, "", length(1001), named("x")),
			"no length":       h.ask("POST", box, "", "Upload-Defer-Length: 1", named("x")),
			"a part":          h.ask("POST", box, "", length(5), "Upload-Concat: partial"),
			"a whole of them": h.ask("POST", box, "", "Upload-Concat: final;"+at, named("x")),
			"GET of one":      h.ask("GET", at, ""),
			"GET of all":      h.ask("GET", box, ""),
			"PUT":             h.ask("PUT", at, "x"),
			"HEAD of all":     h.ask("HEAD", box, ""),
			"POST to one":     h.ask("POST", at, "", length(5)),
		} {
			want := map[string]int{"no protocol": 412, "too large": 413, "no length": 400, "a part": 400, "a whole of them": 400}[what]
			if want == 0 {
				want = 405
			}
			h.status(what, w, want)
		}
		gone := h.begun(h.ask("POST", box, "some", length(17), named("gone")))
		h.status("DELETE", h.ask("DELETE", gone, ""), 204)
		h.status("what was deleted", h.ask("HEAD", gone, ""), 404)
		overridden := h.begun(h.ask("POST", box, "", length(4), named("overridden")))
		h.status("PATCH in a POST", h.ask("POST", overridden, "four", "Upload-Offset: 0", "X-HTTP-Method-Override: PATCH"), 204)
		if got := h.content("/in/overridden"); got != "four" {
			t.Errorf("it holds %q", got)
		}
	})
}

// One sender's upload is nobody else's: not another's with the same link, not that of who has another link, and not the owner's.
func TestNobodyMeetsAnothersDroppedUpload(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		share, box := h.box(drive.NewShare{})
		_, other := h.box(drive.NewShare{})
		download, err := h.drives.MakeShare(t.Context(), h.user, "/in", drive.NewShare{})
		if err != nil {
			t.Fatal(err)
		}
		at := h.begun(h.ask("POST", box, "secret", length(50), named("secret-name")))
		address := at[strings.LastIndexByte(at, '/')+1:]
		id, mac, _ := strings.Cut(address, ".")
		owns := h.call("", "POST", "/files/", "own", "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", length(50), named("own"))
		own := owns.Header().Get("Location")[strings.LastIndexByte(owns.Header().Get("Location"), '/')+1:]
		if own == "" {
			t.Fatalf("%d %s", owns.Code, owns.Body)
		}
		if w := h.call("", "GET", "/api/v1/uploads", ""); strings.Contains(w.Body.String(), id) || !strings.Contains(w.Body.String(), own) {
			t.Errorf("the owner's list: %s", w.Body)
		}
		before, err := h.drives.Usage(t.Context(), h.user)
		if err != nil {
			t.Fatal(err)
		}
		for what, target := range map[string]string{
			"by another link": other + address, "by its id alone": box + id, "with another's MAC": box + own + "." + mac, "by a MAC that is none": box + id + ".AAAAAAAAAAAAAAAAAAAAAA",
			"below it": at + "/x", "the owner's own": box + own, "by a link to download": "/drop/" + download.Token + "/" + address, "by a token that is none": "/drop/" + share.ID + ".AAAA/" + address,
			"by no token": "/drop//" + address, "by a part of it": "/drop/" + share.ID + "/" + address,
		} {
			for _, method := range []string{"HEAD", "PATCH", "DELETE", "GET", "PUT", "POST"} {
				w := h.ask(method, target, "x", "Upload-Offset: 6", length(1))
				h.status(method+" "+what, w, 404)
				if strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), "secret") {
					t.Errorf("%s %s tells too much: %s", method, what, w.Body)
				}
			}
		}
		h.status("POST to a link to download", h.ask("POST", "/drop/"+download.Token+"/", "", length(1), named("x")), 404)
		for _, secret := range []string{"", h.folder} {
			for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
				for _, one := range []string{id, address} {
					w := h.call(secret, method, "/files/"+one, "x", "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", "Upload-Offset: 6")
					h.status(method+" at /files/", w, 404)
				}
			}
		}
		after, err := h.drives.Usage(t.Context(), h.user)
		if err != nil || after != before {
			t.Errorf("%+v became %+v, %v", before, after, err)
		}
		if w := h.ask("HEAD", at, ""); w.Header().Get("Upload-Offset") != "6" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

func TestADropBoxWithAPassword(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		share, box := h.box(drive.NewShare{Password: "open sesame", MaxSize: 777})
		post := func(headers ...string) *httptest.ResponseRecorder {
			return h.ask("POST", box, "", append([]string{length(4), named("x")}, headers...)...)
		}
		refused := post()
		h.status("without it", refused, 401)
		if !strings.Contains(strings.Join(refused.Header().Values("Www-Authenticate"), " "), "Basic") {
			t.Errorf("%v", refused.Header())
		}
		if w := post("Sec-Fetch-Mode: cors"); strings.Contains(strings.Join(w.Header().Values("Www-Authenticate"), " "), "Basic") {
			t.Error("a browser would ask for it in a window of its own")
		}
		if w := h.ask("OPTIONS", box, ""); w.Code != 401 || w.Header().Get("Tus-Max-Size") != "" {
			t.Errorf("OPTIONS without it: %d %v", w.Code, w.Header())
		}
		h.status("a wrong one", post("Authorization: "+basic("", "open barley")), 403)
		h.status("alice's own token", post("Authorization: Bearer "+h.token), 401)
		at := h.begun(post("Authorization: " + basic("anybody", "open sesame")))
		h.status("the address is enough then", h.ask("PATCH", at, "four", "Upload-Offset: 0"), 204)

		typed := httptest.NewRequest("POST", "/s/"+share.Token, strings.NewReader("password=open+sesame"))
		typed.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.server.Public().ServeHTTP(w, typed)
		paths := map[string]string{}
		for _, c := range w.Result().Cookies() {
			paths[c.Path] = c.Name + "=" + c.Value
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("%+v", c)
			}
		}
		if len(paths) != 2 || paths["/s/"+share.Token] == "" {
			t.Fatalf("%v", paths)
		}
		h.begun(post("Cookie: " + paths[box]))
		_, other := h.box(drive.NewShare{Password: "open sesame"})
		h.status("the cookie at another box", h.ask("POST", other, "", length(4), named("x"), "Cookie: "+paths[box]), 401)
		for range 9 {
			post("Authorization: " + basic("", "guess"))
		}
		h.status("guesses wait", post("Authorization: "+basic("", "open sesame")), 429)
		h.begun(post("Cookie: " + paths[box]))
	})
}

// However many send at once, there are no more files than uses; a page stays there for who began while there were some.
func TestACountedDropBox(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		share, box := h.box(drive.NewShare{Most: 2})
		var begun atomic.Int64
		var mu sync.Mutex
		var first *httptest.ResponseRecorder
		var wait sync.WaitGroup
		for i := range 10 {
			wait.Go(func() {
				w := h.ask("POST", box, "", length(4), named(fmt.Sprint("f", i)))
				if w.Code == http.StatusCreated {
					begun.Add(1)
					mu.Lock()
					first = w
					mu.Unlock()
				} else if w.Code != http.StatusNotFound {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		wait.Wait()
		if begun.Load() != 2 {
			t.Fatalf("%d got in", begun.Load())
		}
		page := func(headers ...string) int {
			r := httptest.NewRequest("GET", "/s/"+share.Token, nil)
			for _, line := range headers {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			h.server.Public().ServeHTTP(w, r)
			return w.Code
		}
		cookie := first.Result().Cookies()[0]
		if cookie.Path != "/s/"+share.Token || page() != 404 || page("Cookie: "+cookie.Name+"="+cookie.Value) != 200 {
			t.Errorf("the page when all is used up: %d, for who sends still %d", page(), page("Cookie: "+cookie.Name+"="+cookie.Value))
		}
		at := h.begun(first)
		h.status("what was begun goes on", h.ask("PATCH", at, "four", "Upload-Offset: 0"), 204)
		h.status("no more", h.ask("POST", box, "", length(4), named("x")), 404)
	})
}

// However it ends, nothing begins any more and nothing goes on.
func TestADropBoxThatEnds(t *testing.T) {
	for what, end := range map[string]func(t *testing.T, h *house, share drive.Share) error{
		"removed": func(t *testing.T, h *house, share drive.Share) error {
			return h.drives.RemoveShare(t.Context(), h.user, share.ID)
		},
		"expired": func(t *testing.T, h *house, share drive.Share) error {
			_, err := h.db.Exec(t.Context(), `UPDATE shares SET expires_at = 1 WHERE id = $1`, share.ID)
			return err
		},
		"in the trash": func(t *testing.T, h *house, _ drive.Share) error {
			return h.drives.Trash(t.Context(), h.user, "/in", drive.Guard{})
		},
		"disabled": func(t *testing.T, h *house, _ drive.Share) error {
			return h.server.accounts.SetDisabled(t.Context(), testUser, true)
		},
	} {
		t.Run(what, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				h := newHouse(t, db)
				share, box := h.box(drive.NewShare{})
				at := h.begun(h.ask("POST", box, "1234", length(8), named("x")))
				if err := end(t, h, share); err != nil {
					t.Fatal(err)
				}
				h.status("a new one", h.ask("POST", box, "", length(4), named("y")), 404)
				for _, method := range []string{"HEAD", "PATCH", "DELETE", "OPTIONS"} {
					h.status(method, h.ask(method, at, "5678", "Upload-Offset: 4"), 404)
				}
			})
		})
	}
}

// A request that is under way when its link ends is cut: its body need not come to its end first.
func TestABodyEndsWithItsDropBox(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(t *testing.T, h *house, share drive.Share) error
		want []int
	}{
		"removed": {func(t *testing.T, h *house, share drive.Share) error {
			return h.drives.RemoveShare(t.Context(), h.user, share.ID)
		}, []int{404, 423}}, // 423 is for who has to let go, and 404 for the next request
		"in the trash": {func(t *testing.T, h *house, _ drive.Share) error {
			return h.drives.Trash(t.Context(), h.user, "/in", drive.Guard{})
		}, []int{404}},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t, sqldbtest.OpenSQLite(t))
			share, box := h.box(drive.NewShare{})
			const size = 1 << 20
			at := h.begun(h.ask("POST", box, "", length(size), named("x")))
			web := httptest.NewServer(h.server.Public())
			defer web.Close()
			body, send := io.Pipe()
			r, err := http.NewRequestWithContext(t.Context(), "PATCH", web.URL+at, body)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"} {
				r.Header.Set(name, value)
			}
			answered := make(chan int, 1)
			go func() {
				answer, err := web.Client().Do(r)
				if err != nil { // the server closes a connection that still brings bytes, which may overtake the answer
					answered <- 0
					return
				}
				answer.Body.Close()
				answered <- answer.StatusCode
			}()
			if _, err := send.Write(bytes.Repeat([]byte("x"), size/4)); err != nil {
				t.Fatal(err)
			}
			if err := c.end(t, h, share); err != nil {
				t.Fatal(err)
			}
			step := time.NewTicker(50 * time.Millisecond)
			defer step.Stop()
			for status := -1; status < 0; {
				select {
				case status = <-answered:
					if status != 0 && !slices.Contains(c.want, status) {
						t.Errorf("it was answered with %d, want one of %v", status, c.want)
					}
				case <-step.C: // it goes on sending, slowly
					_, _ = send.Write([]byte("x"))
				}
			}
			h.status("it goes on nowhere", h.ask("HEAD", at, ""), 404)
		})
	}
}
