package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What no answer to an app password that is kept to /in may hold: names and content of what is outside, and what is known of it.
const (
	outsideText = "only the whole drive holds this"
	outsideName = "outside-plan"
	outsideTree = "private-tree"
)

// house is a whole server with alice's drive, and app passwords of hers:
//
//	/in/file /in/sub/        what the app passwords folder and reader open
//	/private-tree/outside-plan.txt
type house struct {
	t      *testing.T
	db     *sqldb.DB
	server *Server
	token  string // alice's own
	drives *drive.Drives
	user   string

	folder, reader, look string // secrets: of /in; of /in for reading; of the whole drive for reading
	fill                 *strings.Replacer
}

func newHouse(t *testing.T, db *sqldb.DB) *house {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	html, err := pages.New(pages.Options{})
	if err != nil {
		t.Fatal(err)
	}
	blobs := mem.New()
	drives := drive.New(db, blobs, drive.Options{Log: log, Proof: true})
	accounts := authn.New(db, authn.Options{CreateDrive: drives.Create, Log: log})
	s, err := New(Options{Accounts: accounts, Drives: drives, Previews: preview.New(db, drives, preview.NewQueue(), preview.Options{}), DB: db, Blobs: blobs, Pages: html, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	signIn, err := accounts.Register(t.Context(), authn.Registration{Username: testUser, Password: testPassword, Email: "alice@example.org"}, authn.Client{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, server: s, token: signIn.AccessToken, drives: drives, user: signIn.User.ID}
	h.furnish()
	return h
}

const asJSON = "Content-Type: application/json"

func (h *house) furnish() {
	h.t.Helper()
	own := func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
		h.t.Helper()
		w := h.call("", method, target, body, headers...)
		if w.Code >= 300 {
			h.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		return w
	}
	create := func(headers ...string) string {
		h.t.Helper()
		location := own("POST", "/files/", "", append(headers, "Tus-Resumable: 1.0.0")...).Header().Get("Location")
		return location[strings.LastIndexByte(location, '/')+1:]
	}
	for _, folder := range []string{"in", "in/sub", outsideTree, "in2"} {
		own("MKCOL", "/dav/"+folder, "")
	}
	own("PUT", "/dav/in/file", "inside")
	own("PUT", "/dav/"+outsideTree+"/"+outsideName+".txt", outsideText+" at first")
	own("PUT", "/dav/"+outsideTree+"/"+outsideName+".txt", outsideText)
	own("PUT", "/dav/in/"+outsideName+"-removed", outsideText)
	own("DELETE", "/dav/in/"+outsideName+"-removed", "")
	const lock = `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
	token := own("LOCK", "/dav/in2", lock, "Depth: infinity").Header().Get("Lock-Token")
	upload := create("Upload-Length: 5", "Upload-Metadata: filename "+b64(outsideName)+",folder "+b64("/in"))
	part := create("Upload-Length: 0", "Upload-Concat: partial")
	own("MKCOL", "/remote.php/dav/uploads/alice/hers", "")
	own("PUT", "/remote.php/dav/uploads/alice/hers/1", outsideText)
	var trash struct{ Items []struct{ ID string } }
	h.read(own("GET", "/api/v1/trash", ""), &trash)
	sync := own("REPORT", "/dav/"+outsideTree, `<?xml version="1.0"?><sync-collection xmlns="DAV:"><sync-token/><sync-level>infinite</sync-level><prop><getetag/></prop></sync-collection>`)
	syncToken := regexp.MustCompile(`<D:sync-token>(.*)</D:sync-token>`).FindStringSubmatch(sync.Body.String())[1]
	app := func(body string) (id, secret string) {
		var made struct {
			AppPassword struct{ ID string } `json:"app_password"`
			Password    string
		}
		h.read(own("POST", "/api/v1/app-passwords", body, asJSON), &made)
		return made.AppPassword.ID, made.Password
	}
	var id string
	id, h.folder = app(`{"name": "camera", "folder": "/in"}`)
	_, h.reader = app(`{"name": "frame", "folder": "/in", "read_only": true}`)
	_, h.look = app(`{"name": "backup", "read_only": true}`)
	var versions struct{ Items []struct{ ID string } }
	h.read(own("GET", "/api/v1/versions?path=/"+outsideTree+"/"+outsideName+".txt", ""), &versions)
	h.fill = strings.NewReplacer("{version}", versions.Items[0].ID, "{upload}", upload, "{part}", part, "{trash}", trash.Items[0].ID, "{lock}", token, "{sync}", syncToken, "{app}", id,
		"{outside}", outsideTree+"/"+outsideName+".txt", "{tree}", outsideTree)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func (h *house) read(w *httptest.ResponseRecorder, into any) {
	h.t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		h.t.Fatalf("%v: %s", err, w.Body)
	}
}

// call sends a request with an app password, or as alice herself. headers are "Name: value"; {upload} and its like stand for what is hers.
func (h *house) call(secret, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	fill := func(s string) string {
		if h.fill != nil {
			s = h.fill.Replace(s)
		}
		return s
	}
	var in io.Reader = http.NoBody
	if body != "" {
		in = strings.NewReader(fill(body))
	}
	r := httptest.NewRequest(method, fill(target), in)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, fill(value))
	}
	if r.Header.Set("Authorization", "Bearer "+h.token); secret != "" {
		r.SetBasicAuth(testUser, secret)
	}
	w := httptest.NewRecorder()
	h.server.Public().ServeHTTP(final{w}, r)
	return w
}

// final records the final answer: httptest takes a 104 for one.
type final struct{ *httptest.ResponseRecorder }

func (f final) WriteHeader(status int) {
	if status >= 200 {
		f.ResponseRecorder.WriteHeader(status)
	}
}

// outside is all that alice has outside of /in, and what is hers there and not a file.
func (h *house) outside() string {
	h.t.Helper()
	var all []string
	for _, query := range []string{
		`SELECT 'upload ' || id || ' ' || received || ' ' || length FROM uploads WHERE within = '' ORDER BY id`,
		`SELECT 'lock ' || token || ' ' || expires_at FROM locks WHERE path NOT LIKE '/in/%' AND path <> '/in' ORDER BY token`,
		`SELECT 'trash ' || node_id FROM trash WHERE path LIKE '%outside%' ORDER BY node_id`,
		`SELECT 'node ' || n.id || ' ' || n.name || ' ' || n.revision || ' ' || COALESCE(n.blob_id, '') FROM nodes n LEFT JOIN nodes p ON p.id = n.parent_id
			WHERE n.parent_id IS NOT NULL AND n.name <> 'in' AND (p.name IN ('', 'in2', '` + outsideTree + `')) ORDER BY n.id`,
		`SELECT 'property ' || q.node_id || q.name FROM properties q JOIN nodes n ON n.id = q.node_id JOIN nodes p ON p.id = n.parent_id
			WHERE p.name IN ('in2', '` + outsideTree + `') ORDER BY q.node_id`,
		`SELECT 'app ' || id FROM app_passwords ORDER BY id`,
	} {
		rows, err := sqldb.All(h.t.Context(), h.db, query, nil, func(scan sqldb.Scan) (s string, err error) { return s, scan(&s) })
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return strings.Join(all, "\n")
}

// tells checks that an answer says nothing of the outside that the request did not say.
func (h *house) tells(what, asked string, w *httptest.ResponseRecorder) {
	h.t.Helper()
	var said strings.Builder
	said.WriteString(w.Body.String())
	_ = w.Header().Write(&said)
	for _, secret := range []string{outsideText, outsideName, outsideTree, "alice@example.org", h.fill.Replace("{upload}"), h.fill.Replace("{part}"), h.fill.Replace("{trash}"), h.fill.Replace("{lock}")} {
		if strings.Contains(said.String(), secret) && !strings.Contains(asked, secret) {
			h.t.Errorf("%s: the answer tells %q:\n%s", what, secret, said.String())
		}
	}
}

// row is a request and the status of its answer: to an app password that is kept to /in, and to one that may only read there.
type row struct {
	method, target, body string
	headers              []string
	folder, reader       int
}

const (
	tusVersion = "Tus-Resumable: 1.0.0"
	octets     = "Content-Type: application/offset+octet-stream"
	propfind0  = "Depth: 0"
	lockBody   = `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
	propBody   = `<?xml version="1.0"?><propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>`
	syncBody   = `<?xml version="1.0"?><sync-collection xmlns="DAV:"><sync-token/><sync-level>infinite</sync-level><prop><getetag/></prop></sync-collection>`
)

// limitedRows has every route and method of every door, each asked for what is inside and for what would be outside.
func limitedRows() (rows []row) {
	add := func(folder, reader int, method, target, body string, headers ...string) {
		rows = append(rows, row{method, target, body, headers, folder, reader})
	}
	for _, dav := range []string{"/dav/", "/remote.php/webdav/", "/remote.php/dav/files/alice/"} {
		name := strings.ReplaceAll(strings.Trim(dav, "/"), "/", "-")
		add(200, 200, "OPTIONS", dav, "")
		add(200, 200, "GET", dav+"file", "")
		add(200, 200, "HEAD", dav+"file", "")
		add(200, 200, "GET", dav, "")
		add(404, 404, "GET", dav+"{outside}", "")
		add(404, 404, "GET", dav+"in/file", "") // the real path
		add(404, 404, "HEAD", dav+"{outside}", "")
		add(207, 207, "PROPFIND", dav, "", "Depth: 1")
		add(207, 207, "PROPFIND", dav, "", "Depth: infinity")
		add(404, 404, "PROPFIND", dav+"{tree}", "", propfind0)
		add(207, 207, "REPORT", dav, syncBody)
		add(404, 404, "REPORT", dav+"{tree}", syncBody)
		add(201, 403, "PUT", dav+name, "new")
		add(409, 403, "PUT", dav+"{tree}/new", "new")
		add(204, 403, "PATCH", dav+name, "more", "Content-Type: application/x-sabredav-partialupdate", "X-Update-Range: append")
		add(404, 403, "PATCH", dav+"{outside}", "more", "Content-Type: application/x-sabredav-partialupdate", "X-Update-Range: append")
		add(404, 403, "PATCH", dav+"{outside}", "", "X-Recalculate-Hash: sha1")
		add(207, 403, "PROPPATCH", dav+name, propBody)
		add(404, 403, "PROPPATCH", dav+"{outside}", propBody)
		add(201, 403, "MKCOL", dav+name+"-folder", "")
		add(409, 403, "MKCOL", dav+"{tree}/new", "")
		add(201, 403, "COPY", dav+name, "", "Destination: "+dav+name+"-copy")
		add(404, 403, "COPY", dav+"{outside}", "", "Destination: "+dav+"stolen")
		add(409, 403, "COPY", dav+name, "", "Destination: "+dav+"{tree}/copy")
		add(403, 403, "COPY", dav, "", "Destination: "+dav+"all")
		add(201, 403, "MOVE", dav+name+"-copy", "", "Destination: "+dav+"sub/"+name)
		add(404, 403, "MOVE", dav+"{outside}", "", "Destination: "+dav+"stolen")
		add(409, 403, "MOVE", dav+name, "", "Destination: "+dav+"{tree}/moved")
		add(403, 403, "MOVE", dav, "", "Destination: "+dav+"all")
		add(200, 403, "LOCK", dav+"sub/"+name, lockBody, "Depth: 0", "Timeout: Second-600")
		add(409, 403, "LOCK", dav+"{outside}", lockBody, "Depth: 0")
		add(409, 403, "UNLOCK", dav+"in2", "", "Lock-Token: {lock}")
		add(409, 403, "UNLOCK", dav, "", "Lock-Token: {lock}")
		add(412, 403, "LOCK", dav+"in2", "", "If: ({lock})")
		add(204, 403, "DELETE", dav+name, "")
		add(404, 403, "DELETE", dav+"{outside}", "")
		add(403, 403, "DELETE", dav, "")
		add(201, 403, "POST", dav, "", tusVersion, "Upload-Length: 5", "Upload-Metadata: filename "+b64("posted-"+name))
		add(404, 403, "POST", dav+"{tree}/", "", tusVersion, "Upload-Length: 5", "Upload-Metadata: filename "+b64("posted"))
	}
	chunks := "/remote.php/dav/uploads/alice/"
	add(207, 207, "PROPFIND", chunks, "", "Depth: 1")
	add(404, 404, "PROPFIND", chunks+"hers", "", "Depth: 1")
	add(409, 403, "PUT", chunks+"hers/2", "x")
	add(404, 403, "DELETE", chunks+"hers/1", "")
	add(404, 403, "MOVE", chunks+"hers/.file", "", "Destination: /dav/stolen")
	add(404, 403, "DELETE", chunks+"hers", "")
	add(201, 403, "MKCOL", chunks+"hers", "") // another one
	add(201, 403, "PUT", chunks+"hers/1", "mine")
	add(409, 403, "MOVE", chunks+"hers/.file", "", "Destination: /dav/{tree}/made")
	add(201, 403, "MOVE", chunks+"hers/.file", "", "Destination: /remote.php/dav/files/alice/made")

	add(204, 204, "OPTIONS", "/files/", "", tusVersion)
	add(201, 403, "POST", "/files/", "", tusVersion, "Upload-Length: 5", "Upload-Metadata: filename "+b64("tus"))
	add(201, 403, "POST", "/files/", "bytes", "Upload-Draft-Interop-Version: 8", "Upload-Complete: ?1")
	for _, id := range []string{"{upload}", "{part}"} {
		at := "/files/" + id
		add(404, 404, "HEAD", at, "", tusVersion)
		add(404, 404, "HEAD", at, "", "Upload-Draft-Interop-Version: 8")
		add(404, 403, "PATCH", at, "bytes", tusVersion, octets, "Upload-Offset: 0")
		add(404, 403, "PATCH", at, "bytes", "Upload-Draft-Interop-Version: 8", "Content-Type: application/partial-upload", "Upload-Offset: 0", "Upload-Complete: ?1")
		add(404, 403, "DELETE", at, "", tusVersion)
		add(404, 403, "DELETE", at, "", "Upload-Draft-Interop-Version: 8")
		add(404, 403, "PUT", at, "bytes", "Upload-Draft-Interop-Version: 8", "Upload-Complete: ?1")
		add(404, 403, "POST", "/files/", "", tusVersion, "Upload-Concat: final;/files/"+id, "Upload-Metadata: filename "+b64("joined"))
	}

	v1 := "/api/v1"
	add(400, 403, "POST", v1+"/register", `{}`, asJSON)
	add(400, 403, "POST", v1+"/login", `{}`, asJSON)
	add(400, 403, "POST", v1+"/token/refresh", `{}`, asJSON)
	add(400, 403, "POST", v1+"/logout", "")
	add(200, 200, "GET", v1+"/me", "")
	add(403, 403, "GET", v1+"/me/identities", "")
	add(403, 403, "DELETE", v1+"/me/identities/00000000000000000000000000", "")
	add(200, 200, "GET", v1+"/files/", "")
	add(200, 200, "GET", v1+"/files/file", "")
	add(404, 404, "GET", v1+"/files/{outside}", "")
	add(404, 404, "GET", v1+"/files/in/file", "")
	add(404, 404, "GET", v1+"/thumbnails/file", "") // no image
	add(404, 404, "GET", v1+"/thumbnails/{outside}", "")
	add(404, 404, "GET", v1+"/thumbnails/in/file", "")
	add(404, 403, "DELETE", v1+"/files/{outside}", "")
	add(403, 403, "DELETE", v1+"/files/", "")
	add(201, 403, "POST", v1+"/folders", `{"path": "/api"}`, asJSON)
	add(409, 403, "POST", v1+"/folders", `{"path": "/{tree}/new"}`, asJSON)
	add(200, 403, "POST", v1+"/move", `{"from": "/api", "to": "/sub/api"}`, asJSON)
	add(404, 403, "POST", v1+"/move", `{"from": "/{outside}", "to": "/stolen"}`, asJSON)
	add(409, 403, "POST", v1+"/move", `{"from": "/file", "to": "/{tree}/file"}`, asJSON)
	const aForm, ofForm = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"form\"\r\n\r\nx\r\n--x--\r\n", "Content-Type: multipart/form-data; boundary=x"
	add(201, 403, "POST", v1+"/files/sub", aForm, ofForm)
	add(409, 403, "POST", v1+"/files/{tree}", aForm, ofForm)
	add(201, 403, "POST", v1+"/copy", `{"from": "/file", "to": "/sub/copied"}`, asJSON)
	add(404, 403, "POST", v1+"/copy", `{"from": "/{outside}", "to": "/stolen"}`, asJSON)
	add(409, 403, "POST", v1+"/copy", `{"from": "/file", "to": "/{tree}/file"}`, asJSON)
	add(200, 200, "GET", v1+"/search?q=plan", "")
	add(404, 404, "GET", v1+"/search?q=plan&in=/{tree}", "")
	add(404, 404, "GET", v1+"/changes", "")
	add(404, 404, "GET", v1+"/changes?since=0.0", "")
	add(200, 200, "GET", v1+"/versions?path=/file", "")
	add(404, 404, "GET", v1+"/versions?path=/{outside}", "")
	add(404, 403, "DELETE", v1+"/versions/{version}", "")
	add(404, 403, "POST", v1+"/versions/{version}/restore", "")
	add(404, 403, "POST", v1+"/links/download", `{"path": "/file"}`, asJSON)
	add(404, 403, "POST", v1+"/links/download", `{"path": "/{outside}"}`, asJSON)
	add(200, 200, "GET", v1+"/zip?path=/file", "")
	add(404, 404, "GET", v1+"/zip?path=/file&path=/{outside}", "")
	add(404, 404, "GET", v1+"/zip?path=/in/file", "")
	add(200, 200, "GET", v1+"/uploads", "")
	add(200, 403, "POST", v1+"/uploads/lookup", `{"sha256": "`+strings.Repeat("ab", 32)+`", "size": 5, "name": "x"}`, asJSON)
	add(404, 403, "POST", v1+"/uploads/proof", `{"challenge": "{upload}", "answer": "`+strings.Repeat("ab", 32)+`"}`, asJSON)
	add(404, 404, "GET", v1+"/rewind?to=2030-01-01T00:00:00Z", "")
	add(404, 404, "GET", v1+"/rewind?to=2030-01-01T00:00:00Z&path=/{tree}", "")
	add(404, 403, "POST", v1+"/rewind", `{"to": "0.0"}`, asJSON)
	add(404, 403, "POST", v1+"/rewind", `{"to": "0.0", "path": "/{tree}"}`, asJSON)
	add(404, 404, "GET", v1+"/trash", "")
	add(404, 403, "DELETE", v1+"/trash", "")
	add(404, 403, "DELETE", v1+"/trash/{trash}", "")
	add(404, 403, "POST", v1+"/trash/{trash}/restore", "")
	add(400, 403, "POST", v1+"/codes", `{}`, asJSON)
	add(400, 403, "POST", v1+"/password/reset", `{}`, asJSON)
	for _, managing := range []struct{ method, at string }{ // the account, which takes a session
		{"PATCH", "/me"}, {"POST", "/me/email"}, {"POST", "/me/phone"},
		{"GET", "/me/second-factor"}, {"POST", "/me/totp"}, {"POST", "/me/totp/confirm"}, {"DELETE", "/me/totp"}, {"POST", "/me/recovery-codes"},
		{"GET", "/admin/invitations"}, {"POST", "/admin/invitations"}, {"DELETE", "/admin/invitations/x"},
		{"DELETE", "/me"}, {"GET", "/me/export"}, {"GET", "/me/audit"},
		{"GET", "/admin/users"}, {"POST", "/admin/users"}, {"GET", "/admin/users/x"}, {"PATCH", "/admin/users/x"}, {"DELETE", "/admin/users/x"},
		{"POST", "/admin/users/x/sign-out"}, {"POST", "/admin/users/x/password"}, {"GET", "/admin/audit"},
		{"GET", "/admin/overview"}, {"GET", "/admin/uploads"}, {"DELETE", "/admin/uploads/x"}, {"GET", "/admin/events"}, {"POST", "/admin/events/retry"}, {"POST", "/admin/events/resume"}, {"POST", "/admin/events/x/retry"}, {"DELETE", "/admin/users/x/second-factor"},
		{"GET", "/admin/users/x/sessions"}, {"GET", "/admin/users/x/app-passwords"}, {"DELETE", "/admin/users/x/app-passwords/x"},
	} {
		add(403, 403, managing.method, v1+managing.at, `{}`, asJSON)
	}
	add(403, 403, "GET", v1+"/sessions", "")
	add(403, 403, "DELETE", v1+"/sessions", "")
	add(403, 403, "DELETE", v1+"/sessions/x", "")
	add(403, 403, "POST", v1+"/me/password", `{"password": "`+testPassword+`", "new_password": "battery staple"}`, asJSON)
	add(403, 403, "GET", v1+"/app-passwords", "")
	add(403, 403, "POST", v1+"/app-passwords", `{"name": "another"}`, asJSON)
	add(403, 403, "DELETE", v1+"/app-passwords/{app}", "")
	add(403, 403, "GET", v1+"/shares", "")
	add(403, 403, "POST", v1+"/shares", `{"path": "/file"}`, asJSON)
	add(403, 403, "POST", v1+"/shares", `{"path": "/{outside}"}`, asJSON)
	add(403, 403, "DELETE", v1+"/shares/{app}", "")
	add(200, 200, "GET", v1+"/openapi.json", "")
	add(200, 200, "GET", "/.well-known/jwks.json", "")
	for _, page := range []string{"/drive/", "/raw/in/file", "/view/in/file", "/thumb/in/file", "/account", "/search?q=x", "/trash", "/rewind", "/events", "/account/shares",
		"/admin", "/admin/users", "/admin/users/x", "/admin/users/x/delete", "/admin/uploads", "/admin/newcomers", "/admin/audit"} {
		add(401, 401, "GET", page, "") // pages take no Basic
	}
	return rows
}

// Each route and method of each door, as an app password meets it that is kept to a folder, and one that may besides only read.
func TestAppPasswordLimitsHoldAtEveryDoor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		before := h.outside()
		for _, r := range limitedRows() {
			what := r.method + " " + r.target + " " + strings.Join(r.headers, ", ")
			asked := h.fill.Replace(what + r.body)
			for _, who := range []struct {
				name, secret string
				want         int
			}{{"reading", h.reader, r.reader}, {"kept to a folder", h.folder, r.folder}} {
				w := h.call(who.secret, r.method, r.target, r.body, r.headers...)
				if w.Code != who.want {
					t.Errorf("%s, %s: %d, want %d\n%s", what, who.name, w.Code, who.want, w.Body)
				}
				if who.want == http.StatusForbidden && who.secret == h.reader && !onlyReads(r.method) && !strings.Contains(w.Body.String(), "read_only") {
					t.Errorf("%s, %s: not read_only: %s", what, who.name, w.Body)
				}
				h.tells(what+", "+who.name, asked, w)
			}
			// One who may read everything changes nothing all the same.
			if w := h.call(h.look, r.method, r.target, r.body, r.headers...); !onlyReads(r.method) && w.Code != http.StatusForbidden {
				t.Errorf("%s, reading everything: %d", what, w.Code)
			}
		}
		if after := h.outside(); after != before {
			t.Errorf("the outside has changed:\n%s\nit was\n%s", after, before)
		}
		if w := h.call(h.look, "GET", "/dav/{outside}", ""); w.Body.String() != outsideText {
			t.Errorf("one who may read everything: %d %s", w.Code, w.Body)
		}
	})
}

// The table above has a row for all that a door answers to.
func TestAppPasswordLimitsAreTriedEverywhere(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t))
	rows := limitedRows()
	has := func(method, pattern string) {
		t.Helper()
		expr := regexp.MustCompile("^" + regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(pattern), ".*") + "$")
		if !slices.ContainsFunc(rows, func(r row) bool { return r.method == method && expr.MatchString(strings.SplitN(r.target, "?", 2)[0]) }) {
			t.Errorf("no app password with limits tries %s %s", method, pattern)
		}
	}
	var description struct {
		Paths map[string]map[string]json.RawMessage
	}
	h.read(h.call("", "GET", "/api/v1/openapi.json", ""), &description)
	for path, methods := range description.Paths {
		for method := range methods {
			if method != "parameters" {
				has(strings.ToUpper(method), path)
			}
		}
	}
	for _, at := range []string{"/dav/", "/remote.php/webdav/", "/remote.php/dav/files/alice/"} {
		for method := range strings.SplitSeq(h.call("", "OPTIONS", at, "").Header().Get("Allow"), ", ") {
			has(method, at+"{path}")
		}
	}
	for method := range strings.SplitSeq(h.call("", "OPTIONS", "/files/", "").Header().Get("Allow"), ", ") {
		has(method, "/files/{id}")
	}
	for _, method := range []string{"PROPFIND", "MKCOL", "PUT", "DELETE", "MOVE"} {
		has(method, "/remote.php/dav/uploads/alice/{path}")
	}
}

// Ways out of the folder, by name. None leads anywhere, and nothing outside changes.
func TestAppPasswordEscapes(t *testing.T) {
	elsewhere := func(sha string) string { return fmt.Sprintf(`{"sha256": "%s", "size": 31, "name": "found"}`, sha) }
	h := newHouse(t, sqldbtest.OpenSQLite(t))
	if w := h.call(h.folder, "MKCOL", "/remote.php/dav/uploads/alice/mine", ""); w.Code != http.StatusCreated {
		t.Fatal(w.Code)
	}
	node, err := h.drives.Stat(t.Context(), h.user, drive.Path("/"+h.fill.Replace("{outside}")))
	if err != nil {
		t.Fatal(err)
	}
	for _, attack := range []struct {
		name, method, target, body string
		headers                    []string
		want                       []int
	}{
		{"dot dot", "GET", "/dav/../{outside}", "", nil, []int{400}},
		{"dot dot in the middle", "GET", "/dav/sub/../../{outside}", "", nil, []int{400}},
		{"encoded dot dot", "GET", "/dav/%2e%2e/{outside}", "", nil, []int{400}},
		{"encoded dot dot and slash", "GET", "/dav/%2e%2e%2f{tree}", "", nil, []int{400}},
		{"doubly encoded dot dot", "GET", "/dav/%252e%252e/{outside}", "", nil, []int{404}},
		{"doubly encoded slash", "GET", "/dav/%252e%252e%252f{tree}", "", nil, []int{404}},
		{"backslash", "GET", `/dav/..%5c{tree}`, "", nil, []int{404}},
		{"overlong UTF-8", "GET", "/dav/%c0%ae%c0%ae/{outside}", "", nil, []int{400}},
		{"NUL", "GET", "/dav/file%00/../{outside}", "", nil, []int{400}},
		{"an empty name", "GET", "/dav//{outside}", "", nil, []int{404}},
		{"another door's prefix", "GET", "/dav/remote.php/webdav/{outside}", "", nil, []int{404}},
		{"dot dot to PROPFIND", "PROPFIND", "/dav/%2e%2e/", "", []string{"Depth: 1"}, []int{400}},
		{"dot dot in the API", "GET", "/api/v1/files/%2e%2e/{outside}", "", nil, []int{400}},
		{"dot dot in a body", "POST", "/api/v1/move", `{"from": "/../{outside}", "to": "/stolen"}`, []string{asJSON}, []int{400}},
		{"the real path in a body", "POST", "/api/v1/move", `{"from": "/in/file", "to": "/{tree}/file"}`, []string{asJSON}, []int{404}},

		{"MOVE out by dot dot", "MOVE", "/dav/file", "", []string{"Destination: /dav/../{tree}/file"}, []int{400}},
		{"MOVE out by an absolute URI", "MOVE", "/dav/file", "", []string{"Destination: http://example.com/dav/{tree}/file"}, []int{409}},
		{"MOVE out by encoded dot dot", "MOVE", "/dav/file", "", []string{"Destination: http://example.com/dav/%2e%2e/{tree}/file"}, []int{400}},
		{"MOVE onto what is outside", "MOVE", "/dav/file", "", []string{"Destination: /dav/{outside}"}, []int{409}},
		{"MOVE out by another prefix", "MOVE", "/dav/file", "", []string{"Destination: /remote.php/webdav/{tree}/file"}, []int{409}},
		{"MOVE to the files of another name", "MOVE", "/dav/file", "", []string{"Destination: /remote.php/dav/files/bob/file"}, []int{403}},
		{"MOVE to the pages", "MOVE", "/dav/file", "", []string{"Destination: /drive/{tree}/file"}, []int{403}},
		{"COPY out", "COPY", "/dav/file", "", []string{"Destination: /dav/../{tree}/file"}, []int{400}},
		{"COPY in by dot dot", "COPY", "/dav/%2e%2e/{outside}", "", []string{"Destination: /dav/stolen"}, []int{400}},
		{"COPY in by the real path", "COPY", "/dav/{outside}", "", []string{"Destination: /dav/stolen"}, []int{404}},
		{"MOVE of the folder itself", "MOVE", "/dav/", "", []string{"Destination: /dav/sub/in"}, []int{403}},

		{"tus folder by dot dot", "POST", "/files/", "", []string{tusVersion, "Upload-Length: 0", "Upload-Metadata: filename " + b64("x") + ",folder " + b64("../{tree}")}, []int{400}},
		{"tus relativePath by dot dot", "POST", "/files/", "", []string{tusVersion, "Upload-Length: 0", "Upload-Metadata: filename " + b64("x") + ",relativePath " + b64("../x")}, []int{400}},
		{"tus filename with a slash", "POST", "/files/", "", []string{tusVersion, "Upload-Length: 0", "Upload-Metadata: filename " + b64("../"+outsideTree+"/x")}, []int{400}},
		{"tus filename dot dot", "POST", "/files/", "", []string{tusVersion, "Upload-Length: 0", "Upload-Metadata: filename " + b64("..")}, []int{400}},
		{"parts that others began", "POST", "/files/", "", []string{tusVersion, "Upload-Concat: final;/files/{part}", "Upload-Metadata: filename " + b64("x")}, []int{404}},
		{"parts of others by an absolute address", "POST", "/files/", "", []string{tusVersion, "Upload-Concat: final;http://example.com/files/{part}", "Upload-Metadata: filename " + b64("x")}, []int{404}},
		{"HEAD of an upload into the folder that others began", "HEAD", "/files/{upload}", "", []string{tusVersion}, []int{404}},
		{"PATCH of it", "PATCH", "/files/{upload}", "bytes", []string{tusVersion, octets, "Upload-Offset: 0"}, []int{404}},
		{"PATCH of it by POST", "POST", "/files/{upload}", "bytes", []string{tusVersion, octets, "Upload-Offset: 0", "X-HTTP-Method-Override: PATCH"}, []int{404}},
		{"DELETE of it", "DELETE", "/files/{upload}", "", []string{tusVersion}, []int{404}},
		{"DELETE of it by GET", "GET", "/files/{upload}", "", []string{tusVersion, "X-HTTP-Method-Override: DELETE"}, []int{404}},
		{"DELETE by an overridden GET", "GET", "/dav/{outside}", "", []string{"X-HTTP-Method-Override: DELETE"}, []int{404}},

		{"the token of a lock outside", "UNLOCK", "/dav/in2", "", []string{"Lock-Token: {lock}"}, []int{409}},
		{"refreshing a lock outside", "LOCK", "/dav/in2", "", []string{"If: ({lock})", "Timeout: Second-600"}, []int{412}},
		{"If names what is outside, by its path", "PUT", "/dav/file", "changed", []string{"If: </dav/../in2> ({lock})"}, []int{412}},
		{"If names a lock outside, by the real path", "PUT", "/dav/file", "changed", []string{"If: </dav/in2> ({lock})"}, []int{412}},
		{"If asks whether an entity tag is outside", "PUT", "/dav/file", "changed", []string{`If: </dav/{outside}> (Not ["x"])(["x"])`}, []int{412, 204}},
		{"a sync token from outside", "REPORT", "/dav/", strings.Replace(syncBody, "<sync-token/>", "<sync-token>{sync}</sync-token>", 1), nil, []int{403}},
		{"a sync token from outside as a condition", "PUT", "/dav/file", "changed", []string{"If: (<{sync}>)"}, []int{412}},
		{"chunks that others sent", "MOVE", "/remote.php/dav/uploads/alice/hers/.file", "", []string{"Destination: /dav/stolen"}, []int{404}},
		{"chunks made a file outside", "MOVE", "/remote.php/dav/uploads/alice/mine/.file", "", []string{"Destination: /dav/%2e%2e/{tree}/made"}, []int{400}},
		{"uploads by another name's address", "PROPFIND", "/remote.php/dav/uploads/bob/", "", []string{"Depth: 1"}, []int{404}},

		{"content outside by its hash", "POST", "/api/v1/uploads/lookup", elsewhere("{sha}"), []string{asJSON}, []int{200}},
		{"restoring from the trash", "POST", "/api/v1/trash/{trash}/restore", "", nil, []int{404}},
		{"emptying the trash", "DELETE", "/api/v1/trash", "", nil, []int{404}},
		{"making a password without limits", "POST", "/api/v1/app-passwords", `{"name": "x", "password": "` + testPassword + `"}`, []string{asJSON}, []int{403}},
		{"signing in with it", "POST", "/api/v1/login", `{"login": "alice", "password": "{secret}"}`, []string{asJSON}, []int{401}},
		{"the pages", "GET", "/drive/", "", nil, []int{401}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			before := h.outside()
			body := strings.NewReplacer("{sha}", fmt.Sprintf("%x", node.SHA256), "{secret}", h.folder).Replace(attack.body)
			headers := slices.Clone(attack.headers)
			for i, line := range headers { // Base64 hides what is to be filled in
				headers[i] = strings.ReplaceAll(line, b64("../{tree}"), b64("../"+outsideTree))
			}
			w := h.call(h.folder, attack.method, attack.target, body, headers...)
			if !slices.Contains(attack.want, w.Code) {
				t.Errorf("%d, want one of %v\n%s", w.Code, attack.want, w.Body)
			}
			h.tells(attack.name, h.fill.Replace(attack.target+body+strings.Join(headers, "")), w)
			if strings.Contains(attack.target, "lookup") && !strings.Contains(w.Body.String(), `"none"`) {
				t.Errorf("its content was found: %s", w.Body)
			}
			if after := h.outside(); after != before {
				t.Errorf("the outside has changed:\n%s\nit was\n%s", after, before)
			}
		})
	}
}

// While the folder is renamed, and another takes its place, an app password goes on seeing the folder; when it is removed, nothing.
func TestAppPasswordFollowsItsFolder(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		own := func(method, target string, headers ...string) {
			t.Helper()
			if w := h.call("", method, target, "", headers...); w.Code >= 300 {
				t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
			}
		}
		sees := func(when, target, want string) {
			t.Helper()
			if w := h.call(h.folder, "GET", target, ""); w.Code != http.StatusOK || w.Body.String() != want {
				t.Errorf("%s: %s: %d %s", when, target, w.Code, w.Body)
			}
		}
		begun := h.call(h.folder, "POST", "/files/", "", tusVersion, "Upload-Length: 5", "Upload-Metadata: filename "+b64("sent")).Header().Get("Location")
		own("MOVE", "/dav/in", "Destination: /dav/{tree}/moved")
		own("MKCOL", "/dav/in")
		sees("moved", "/dav/file", "inside")
		if w := h.call(h.folder, "PATCH", strings.TrimPrefix(begun, "http://example.com"), "bytes", tusVersion, octets, "Upload-Offset: 0"); w.Code != http.StatusNoContent {
			t.Errorf("the upload goes on: %d %s", w.Code, w.Body)
		}
		sees("moved", "/dav/sent", "bytes")
		if w := h.call(h.folder, "PROPFIND", "/dav/", "", "Depth: infinity"); strings.Contains(w.Body.String(), outsideTree) {
			t.Errorf("the listing tells where the folder is: %s", w.Body)
		}
		if w := h.call(h.folder, "GET", "/api/v1/files/sent", ""); !strings.Contains(w.Body.String(), `"path":"/sent"`) {
			t.Errorf("the API tells where the folder is: %s", w.Body)
		}
		own("DELETE", "/dav/{tree}/moved")
		for _, at := range []string{"/dav/", "/files/x", "/api/v1/me"} {
			if w := h.call(h.folder, "GET", at, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "not there any more") {
				t.Errorf("removed: %s: %d %s", at, w.Code, w.Body)
			}
		}
		own("POST", "/api/v1/trash/"+h.trashed(outsideTree+"/moved")+"/restore")
		sees("restored", "/dav/file", "inside")
	})
}

func (h *house) trashed(path string) (id string) {
	h.t.Helper()
	if err := h.db.Row(h.t.Context(), `SELECT node_id FROM trash WHERE path = $1`, []any{"/" + path}, &id); err != nil {
		h.t.Fatal(err)
	}
	return id
}

// A lock around the folder holds, and is not told to one who is kept to the folder.
func TestALockAroundTheFolderHoldsUnseen(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t))
	own := h.call("", "LOCK", "/dav/in", lockBody, "Depth: infinity")
	if own.Code != http.StatusOK {
		t.Fatal(own.Code)
	}
	h.call("", "MKCOL", "/dav/around", "")
	h.call("", "MOVE", "/dav/in", "", "Destination: /dav/around/in", "If: </dav/in> ("+own.Header().Get("Lock-Token")+")")
	lock := h.call("", "LOCK", "/dav/around", lockBody, "Depth: infinity").Header().Get("Lock-Token")
	for _, request := range [][]string{{"PUT", "/dav/file", "x"}, {"PROPFIND", "/dav/file", ""}, {"DELETE", "/dav/file", ""}, {"LOCK", "/dav/file", lockBody}} {
		w := h.call(h.folder, request[0], request[1], request[2], "Depth: 0")
		if want := http.StatusLocked; w.Code != want && request[0] != "PROPFIND" {
			t.Errorf("%v: %d %s", request, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "around") || strings.Contains(w.Body.String(), strings.Trim(lock, "<>")) {
			t.Errorf("%v tells of the lock: %s", request, w.Body)
		}
	}
}

// The account's own facts are not an app password's business.
func TestMeOfAnAppPassword(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t))
	for _, secret := range []string{h.folder, h.reader, h.look} {
		var me struct {
			User  struct{ Username, Email string }
			Drive struct{ Used int64 }
		}
		h.read(h.call(secret, "GET", "/api/v1/me", ""), &me)
		if me.User.Username != testUser || me.User.Email != "" {
			t.Errorf("%+v", me)
		}
		if kept := secret != h.look; kept != (me.Drive.Used == 0) {
			t.Errorf("kept to a folder: %v, and told that %d bytes are used", kept, me.Drive.Used)
		}
	}
}
