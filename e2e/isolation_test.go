package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// belongings are everything that ann has, by what addresses it.
type belongings struct {
	upload, part, full string // ids: an unfinished upload, a finished partial one, a finished one
	trash              string // id of a node in the trash
	lock               string // token of a WebDAV lock on the folder "private-things"
	app                string // id of an app password
	session            string // id of the session of her app
	version            string // id of what secret-plan.txt held before
	share              string // id of a share of private-things
	box                string // where files are sent into a drop box of hers
	dropped            string // id of what somebody has begun to send into it
	droppedAt          string // the address of that, which nobody else has
}

// Every file of ann holds this, and every name of hers begins with one of these: no answer to a stranger may.
const annsContent = "only ann reads this"

var annsNames = []string{annsContent, "secret-plan", "private-things", "thrown-away", "half-sent"}

func moveIn(t *testing.T, ann *Account) (b belongings) {
	t.Helper()
	base := ann.s.URL
	must := func(status int, client *http.Client, method, path string, header map[string]string, body string) reply {
		t.Helper()
		answer := send(t, client, method, base+path, headers(header), strings.NewReader(body))
		if answer.StatusCode != status {
			t.Fatalf("%s %s: %s, want %d\n%s", method, path, answer.Status, status, answer.text)
		}
		return answer
	}
	create := func(header map[string]string, body string) (id string) {
		t.Helper()
		all := map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
		for name, value := range header {
			all[name] = value
		}
		location := must(http.StatusCreated, ann.Bearer, http.MethodPost, "/files/", all, body).Header.Get("Location")
		return location[strings.LastIndexByte(location, '/')+1:]
	}
	must(http.StatusCreated, ann.Basic, "MKCOL", "/dav/private-things", nil, "")
	ann.Put(t, "secret-plan.txt", annsContent+" at first")
	ann.Put(t, "secret-plan.txt", annsContent)
	ann.Put(t, "private-things/secret-plan.txt", annsContent)
	ann.Put(t, "thrown-away.txt", annsContent)
	must(http.StatusNoContent, ann.Basic, http.MethodDelete, "/dav/thrown-away.txt", nil, "")

	b.upload = create(map[string]string{"Upload-Length": "1000", "Upload-Metadata": "filename " + base64Of("half-sent.txt")}, annsContent)
	b.full = create(map[string]string{"Upload-Length": fmt.Sprint(len(annsContent)), "Upload-Metadata": "filename " + base64Of("secret-plan-2.txt")}, annsContent)
	b.part = create(map[string]string{"Upload-Length": fmt.Sprint(len(annsContent)), "Upload-Concat": "partial"}, annsContent)

	must(http.StatusCreated, ann.Basic, "MKCOL", "/remote.php/dav/uploads/ann/half-sent", nil, "")
	must(http.StatusCreated, ann.Basic, http.MethodPut, "/remote.php/dav/uploads/ann/half-sent/1", nil, annsContent)

	const lockinfo = `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
	b.lock = must(http.StatusOK, ann.Basic, "LOCK", "/dav/private-things", map[string]string{"Depth": "infinity", "Timeout": "Second-600"}, lockinfo).Header.Get("Lock-Token")

	var app struct {
		AppPassword struct{ ID string } `json:"app_password"`
	}
	decode(t, send(t, ann.Bearer, http.MethodPost, base+"/api/v1/app-passwords", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"name": "secret-plan"}`)),
		http.StatusCreated, &app)
	b.app = app.AppPassword.ID

	var share struct{ ID string }
	decode(t, send(t, ann.Bearer, http.MethodPost, base+"/api/v1/shares", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"path": "/private-things"}`)),
		http.StatusCreated, &share)
	b.share = share.ID

	must(http.StatusCreated, ann.Basic, "MKCOL", "/dav/private-things-box", nil, "")
	var box struct {
		UploadURL string `json:"upload_url"`
	}
	decode(t, send(t, ann.Bearer, http.MethodPost, base+"/api/v1/shares", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"path": "/private-things-box", "kind": "drop"}`)),
		http.StatusCreated, &box)
	b.box = strings.TrimPrefix(box.UploadURL, base)
	b.droppedAt = strings.TrimPrefix(must(http.StatusCreated, http.DefaultClient, http.MethodPost, b.box,
		map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": octets, "Upload-Length": "1000", "Upload-Metadata": "filename " + base64Of("half-sent.txt")}, annsContent).Header.Get("Location"), base)
	b.dropped, _, _ = strings.Cut(strings.TrimPrefix(b.droppedAt, b.box), ".")

	var trash struct{ Items []struct{ ID string } }
	text := must(http.StatusOK, ann.Bearer, http.MethodGet, "/api/v1/trash", nil, "").text
	var any map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &any); err != nil {
		t.Fatal(err)
	}
	for _, value := range any {
		if json.Unmarshal(value, &trash.Items) == nil && len(trash.Items) == 1 {
			b.trash = trash.Items[0].ID
		}
	}
	var sessions struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(must(http.StatusOK, ann.Bearer, http.MethodGet, "/api/v1/sessions", nil, "").text), &sessions); err != nil || len(sessions.Items) == 0 {
		t.Fatalf("ann has no session: %v", err)
	}
	b.session = sessions.Items[0].ID
	var versions struct{ Items []struct{ ID string } }
	decode(t, send(t, ann.Bearer, http.MethodGet, base+"/api/v1/versions?path=/secret-plan.txt", nil, nil), http.StatusOK, &versions)
	b.version = versions.Items[0].ID
	if b.trash == "" || b.lock == "" {
		t.Fatalf("ann has no trash or no lock: %+v\n%s", b, text)
	}
	return b
}

// snapshot is all that ann sees of her own.
func snapshot(t *testing.T, ann *Account, b belongings) string {
	t.Helper()
	var all strings.Builder
	for _, path := range []string{"/api/v1/files/", "/api/v1/files/private-things", "/api/v1/trash", "/api/v1/versions?path=/secret-plan.txt", "/api/v1/search?q=secret", "/dav/secret-plan.txt", "/dav/secret-plan-2.txt", "/dav/private-things/secret-plan.txt"} {
		answer := send(t, ann.Basic, http.MethodGet, ann.s.URL+path, nil, nil)
		fmt.Fprintf(&all, "%s: %s %s\n", path, answer.Status, answer.text)
	}
	shares := send(t, ann.Bearer, http.MethodGet, ann.s.URL+"/api/v1/shares", nil, nil)
	fmt.Fprintf(&all, "shares: %s %s\n", shares.Status, shares.text)
	for _, id := range []string{b.upload, b.part, b.full} {
		answer := send(t, ann.Bearer, http.MethodHead, ann.s.URL+"/files/"+id, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("ann's own upload is %s", answer.Status)
		}
		fmt.Fprintf(&all, "upload: %s at %s\n", answer.Status, answer.Header.Get("Upload-Offset"))
	}
	dropped := send(t, http.DefaultClient, http.MethodHead, ann.s.URL+b.droppedAt, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
	fmt.Fprintf(&all, "sent by somebody: %s at %s\n", dropped.Status, dropped.Header.Get("Upload-Offset"))
	answer := send(t, ann.Basic, "PROPFIND", ann.s.URL+"/remote.php/dav/uploads/ann/half-sent/", headers(map[string]string{"Depth": "1"}), nil)
	fmt.Fprintf(&all, "upload in chunks: %s %s\n", answer.Status, answer.text)
	answer = send(t, ann.Basic, http.MethodPut, ann.s.URL+"/dav/private-things/secret-plan.txt", nil, strings.NewReader("no token"))
	fmt.Fprintf(&all, "write without the lock's token: %s\n", answer.Status)
	return all.String()
}

// probe is a request of somebody else with ann's ids and paths. {upload} and its like stand for ann's ids.
type probe struct {
	method, path string
	header       map[string]string
	body         string
	want         []int // from a stranger who is signed in
}

const (
	octets   = "application/offset+octet-stream"
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
	lockBody = `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
	syncBody = `<?xml version="1.0"?><sync-collection xmlns="DAV:"><sync-token/><sync-level>infinite</sync-level><prop><getetag/></prop></sync-collection>`
	propBody = `<?xml version="1.0"?><propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>`
)

func tusProbes() (all []probe) {
	tus := map[string]string{"Tus-Resumable": "1.0.0"}
	with := func(more ...string) map[string]string {
		header := map[string]string{"Tus-Resumable": "1.0.0"}
		for i := 0; i < len(more); i += 2 {
			header[more[i]] = more[i+1]
		}
		return header
	}
	for _, id := range []string{"{upload}", "{part}", "{full}", "{dropped}"} {
		path := "/files/" + id
		all = append(all,
			probe{"HEAD", path, tus, "", []int{404}},
			probe{"GET", path, tus, "", []int{404}},
			probe{"PATCH", path, with("Content-Type", octets, "Upload-Offset", fmt.Sprint(len(annsContent))), "more", []int{404}},
			probe{"PATCH", path, with("Content-Type", octets, "Upload-Offset", "0"), "other", []int{404}},
			probe{"DELETE", path, tus, "", []int{404}},
			probe{"POST", path, with("Upload-Length", "1"), "", []int{404}},
			probe{"PUT", path, tus, "x", []int{404}},
			probe{"POST", path, with("X-HTTP-Method-Override", "DELETE"), "", []int{404}},
			probe{"POST", path, with("X-HTTP-Method-Override", "PATCH", "Content-Type", octets, "Upload-Offset", "0"), "x", []int{404}},
			probe{"POST", "/files/", with("Upload-Concat", "final;/files/"+id), "", []int{404}},
			probe{"POST", "/files/", with("Upload-Concat", "final;{base}/files/"+id), "", []int{404}},
		)
	}
	return append(all, probe{"POST", "/files/", with("Upload-Length", "1", "Upload-Metadata", "filename "+base64Of("x")+",folder "+base64Of("private-things")), "", []int{201, 409}})
}

// dropProbes are about what is on its way into a drop box. Whoever has its link may send to it, and finds nothing of others there.
func dropProbes() (all []probe) {
	header := map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": octets, "Upload-Offset": fmt.Sprint(len(annsContent)), "Upload-Length": "1"}
	for _, method := range []string{"HEAD", "GET", "PATCH", "DELETE", "PUT", "POST"} {
		for _, path := range []string{"{box}{dropped}", "{box}{dropped}.", "{box}{dropped}.AAAAAAAAAAAAAAAAAAAAAA", "{box}{upload}", "{box}{full}.AAAAAAAAAAAAAAAAAAAAAA", "/drop/{share}/", "/drop/{share}/{dropped}"} {
			all = append(all, probe{method, path, header, "x", []int{404}})
		}
	}
	return all
}

func davProbes() (all []probe) {
	part := map[string]string{"Content-Type": "application/x-sabredav-partialupdate", "X-Update-Range": "append"}
	for _, path := range []string{"/dav/secret-plan.txt", "/dav/private-things/secret-plan.txt",
		"/remote.php/webdav/secret-plan.txt", "/remote.php/dav/files/bob/secret-plan.txt"} {
		all = append(all,
			probe{"PATCH", path, part, "x", []int{404}},
			probe{"PATCH", path, map[string]string{"X-Recalculate-Hash": "sha1"}, "", []int{404}},
			probe{"GET", path, nil, "", []int{404}},
			probe{"HEAD", path, nil, "", []int{404}},
			probe{"PROPFIND", path, map[string]string{"Depth": "0"}, "", []int{404}},
			probe{"PROPPATCH", path, nil, propBody, []int{404}},
			probe{"DELETE", path, nil, "", []int{404}},
			probe{"COPY", path, map[string]string{"Destination": "{base}/dav/mine.txt"}, "", []int{404}},
			probe{"MOVE", path, map[string]string{"Destination": "{base}/dav/mine.txt"}, "", []int{404}},
			probe{"UNLOCK", path, map[string]string{"Lock-Token": "{lock}"}, "", []int{404, 409}},
			probe{"LOCK", path, map[string]string{"If": "({lock})"}, "", []int{404, 409, 412}},
			probe{"PUT", path, map[string]string{"If": "({lock})"}, "x", []int{409, 412}},
			probe{"PUT", path, map[string]string{"If-Match": "*"}, "x", []int{409, 412}},
		)
	}
	// Ann's name in an address leads nowhere, and her uploads in chunks are found under nobody else's.
	for _, path := range []string{"/remote.php/dav/files/ann/secret-plan.txt", "/remote.php/dav/files/ann/", "/remote.php/dav/uploads/ann/",
		"/remote.php/dav/uploads/ann/half-sent/", "/remote.php/dav/uploads/ann/half-sent/1", "/remote.php/dav/uploads/ann/half-sent/.file"} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "COPY", "MOVE", "MKCOL", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "POST"} {
			all = append(all, probe{method, path, map[string]string{"Destination": "{base}/dav/mine.txt"}, "", []int{404, 405}})
		}
	}
	return append(all,
		probe{"PROPFIND", "/remote.php/dav/uploads/bob/", map[string]string{"Depth": "1"}, "", []int{207}},
		probe{"PROPFIND", "/remote.php/dav/uploads/bob/half-sent/", map[string]string{"Depth": "1"}, "", []int{404}},
		probe{"PUT", "/remote.php/dav/uploads/bob/half-sent/1", nil, "x", []int{409}},
		probe{"DELETE", "/remote.php/dav/uploads/bob/half-sent", nil, "", []int{404}},
		probe{"DELETE", "/remote.php/dav/uploads/bob/half-sent/1", nil, "", []int{404}},
		probe{"MOVE", "/remote.php/dav/uploads/bob/half-sent/.file", map[string]string{"Destination": "{base}/dav/mine.txt"}, "", []int{404}},
		probe{"POST", "/dav/private-things", map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "filename " + base64Of("x")}, "", []int{404}},
		probe{"POST", "/remote.php/dav/files/ann/", map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "filename " + base64Of("x")}, "", []int{404}},
		probe{"POST", "/dav/", map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "0", "Upload-Metadata": "filename " + base64Of("x")}, "", []int{201}},
		probe{"POST", "/dav/", nil, "plain", []int{405}},
		probe{"COPY", "/dav/", map[string]string{"Destination": "{base}/remote.php/dav/files/ann/mine"}, "", []int{403}},
		probe{"PROPFIND", "/dav/", map[string]string{"Depth": "1"}, "", []int{207}},
		probe{"PROPFIND", "/dav/", map[string]string{"Depth": "infinity"}, "", []int{207}},
		probe{"PROPFIND", "/dav/private-things", map[string]string{"Depth": "1"}, "", []int{404}},
		probe{"REPORT", "/dav/", nil, syncBody, []int{207}},
		probe{"REPORT", "/dav/private-things", nil, syncBody, []int{404}},
		probe{"REPORT", "/dav/secret-plan.txt", nil, syncBody, []int{404}},
		probe{"GET", "/dav/", nil, "", []int{200, 405}},
		probe{"GET", "/dav/private-things", nil, "", []int{404}},
		probe{"DELETE", "/dav/private-things", nil, "", []int{404}},
		probe{"UNLOCK", "/dav/private-things", map[string]string{"Lock-Token": "{lock}"}, "", []int{404, 409}},
		probe{"MKCOL", "/dav/private-things/x", nil, "", []int{409}},
		probe{"PUT", "/dav/private-things/x", nil, "x", []int{409}},
		probe{"LOCK", "/dav/private-things/x", nil, lockBody, []int{409}},
		// The same names are free in a drive of one's own.
		probe{"PUT", "/dav/secret-plan.txt", nil, "bob's", []int{201}},
		probe{"MKCOL", "/dav/private-things", nil, "", []int{201}},
		probe{"LOCK", "/dav/secret-plan.txt", nil, lockBody, []int{201}},
		// There is no way up and over.
		probe{"GET", "/dav/{ann}/secret-plan.txt", nil, "", []int{404}},
		probe{"GET", "/dav/ann/secret-plan.txt", nil, "", []int{404}},
		probe{"GET", "/dav/%2e%2e/{ann}/secret-plan.txt", nil, "", []int{400, 404}},
		probe{"GET", "/dav/..%2f{ann}/secret-plan.txt", nil, "", []int{400, 404}},
	)
}

func apiProbes() []probe {
	asJSON := map[string]string{"Content-Type": jsonType}
	return []probe{
		{"GET", "/api/v1/me", nil, "", []int{200}},
		{"PATCH", "/api/v1/me", asJSON, `{"username": "ann"}`, []int{403, 409}},
		{"POST", "/api/v1/me/email", asJSON, `{"email": "ann@example.org", "code": "000000", "password": "x"}`, []int{403}},
		{"POST", "/api/v1/me/phone", asJSON, `{"phone": "+4915112345678", "code": "000000", "password": "x"}`, []int{403}},
		{"GET", "/api/v1/admin/invitations", nil, "", []int{403, 404}},
		{"POST", "/api/v1/admin/invitations", asJSON, `{}`, []int{403, 404}},
		{"DELETE", "/api/v1/admin/invitations/{upload}", nil, "", []int{403, 404}},
		{"GET", "/api/v1/sessions", nil, "", []int{200, 403}}, // 403 is for a password that is sent with every request
		{"DELETE", "/api/v1/sessions/{session}", nil, "", []int{404, 403}},
		{"DELETE", "/api/v1/sessions?all={ann}", nil, "", []int{400, 403}},
		{"POST", "/api/v1/me/password", asJSON, `{"password": "not bob's either", "new_password": "a new password"}`, []int{403}},
		// A password that is sent with every request does not manage the account.
		{"GET", "/api/v1/me/identities", nil, "", []int{200, 403}},
		{"DELETE", "/api/v1/me/identities/{trash}", nil, "", []int{404, 403}},
		{"GET", "/api/v1/files/", nil, "", []int{200}},
		{"GET", "/api/v1/files/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/api/v1/files/private-things", nil, "", []int{404}},
		{"GET", "/api/v1/files/private-things/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/api/v1/files/..%2f{ann}/secret-plan.txt", nil, "", []int{400, 404}},
		{"GET", "/api/v1/thumbnails/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/api/v1/thumbnails/private-things/secret-plan.txt?size=480", nil, "", []int{404}},
		{"GET", "/api/v1/thumbnails/..%2f{ann}/secret-plan.txt", nil, "", []int{400, 404}},
		{"DELETE", "/api/v1/files/secret-plan.txt", nil, "", []int{404}},
		{"DELETE", "/api/v1/files/private-things", nil, "", []int{404}},
		{"POST", "/api/v1/folders", asJSON, `{"path": "/private-things/x"}`, []int{409}},
		{"POST", "/api/v1/move", asJSON, `{"from": "/secret-plan.txt", "to": "/mine.txt"}`, []int{404}},
		{"POST", "/api/v1/move", asJSON, `{"from": "/private-things", "to": "/mine"}`, []int{404}},
		{"POST", "/api/v1/files/private-things", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, plainForm, []int{409}},
		{"POST", "/api/v1/copy", asJSON, `{"from": "/secret-plan.txt", "to": "/mine.txt"}`, []int{404}},
		{"POST", "/api/v1/copy", asJSON, `{"from": "/private-things", "to": "/mine"}`, []int{404}},
		{"GET", "/api/v1/search?q=plan", nil, "", []int{200}},
		{"GET", "/api/v1/search?q=plan&in=/private-things", nil, "", []int{404}},
		{"GET", "/api/v1/changes", nil, "", []int{200}},
		{"GET", "/api/v1/changes?since=zz.zz", nil, "", []int{410}},
		{"GET", "/api/v1/versions?path=/secret-plan.txt", nil, "", []int{404}},
		{"DELETE", "/api/v1/versions/{version}", nil, "", []int{404}},
		{"POST", "/api/v1/versions/{version}/restore", nil, "", []int{404}},
		{"POST", "/api/v1/links/download", asJSON, `{"path": "/secret-plan.txt"}`, []int{404}},
		{"GET", "/api/v1/rewind?to=0.0&path=/private-things", nil, "", []int{404}},
		{"POST", "/api/v1/rewind", asJSON, `{"to": "0.0", "path": "/private-things"}`, []int{404}},
		{"POST", "/api/v1/rewind", asJSON, `{"to": "zz.zz"}`, []int{410}},
		{"GET", "/api/v1/zip?path=/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/api/v1/zip?path=/private-things", nil, "", []int{404}},
		{"GET", "/api/v1/trash", nil, "", []int{200}},
		{"DELETE", "/api/v1/trash/{trash}", nil, "", []int{404}},
		{"POST", "/api/v1/trash/{trash}/restore", nil, "", []int{404}},
		{"POST", "/api/v1/trash/{trash}/restore", asJSON, `{"name": "mine"}`, []int{404}},
		{"DELETE", "/api/v1/trash", nil, "", []int{200, 204}},
		{"GET", "/api/v1/uploads", nil, "", []int{200}},
		// 403: not with a password that is sent with every request, and not without the password.
		{"DELETE", "/api/v1/me", asJSON, `{"password": "not bob's"}`, []int{403, 429}},
		{"GET", "/api/v1/me/audit?user={ann}", nil, "", []int{200, 403}},
		{"GET", "/api/v1/me/export", nil, "", []int{200, 403}},
		{"GET", "/api/v1/admin/users", nil, "", []int{404, 403}},
		{"POST", "/api/v1/admin/users", asJSON, `{"username": "eve", "role": "admin"}`, []int{404, 403}},
		{"GET", "/api/v1/admin/users/{ann}", nil, "", []int{404, 403}},
		{"PATCH", "/api/v1/admin/users/{ann}", asJSON, `{"disabled": true, "quota": 1}`, []int{404, 403}},
		{"DELETE", "/api/v1/admin/users/{ann}", nil, "", []int{404, 403}},
		{"POST", "/api/v1/admin/users/{ann}/password", asJSON, `{"password": "taken over by bob"}`, []int{404, 403}},
		{"POST", "/api/v1/admin/users/{ann}/sign-out", nil, "", []int{404, 403}},
		{"GET", "/api/v1/admin/audit", nil, "", []int{404, 403}},
		{"GET", "/api/v1/admin/overview", nil, "", []int{404, 403}},
		{"GET", "/api/v1/admin/uploads", nil, "", []int{404, 403}},
		{"DELETE", "/api/v1/admin/uploads/{upload}", nil, "", []int{404, 403}},
		{"GET", "/api/v1/admin/events", nil, "", []int{404, 403}},
		{"POST", "/api/v1/admin/events/retry", nil, "", []int{404, 403}},
		{"POST", "/api/v1/admin/events/resume", nil, "", []int{404, 403}},
		{"POST", "/api/v1/admin/events/{upload}/retry", nil, "", []int{404, 403}},
		{"GET", "/api/v1/admin/users/{ann}/sessions", nil, "", []int{404, 403}},
		{"DELETE", "/api/v1/admin/users/{ann}/second-factor", nil, "", []int{404, 403}},
		{"GET", "/api/v1/admin/users/{ann}/app-passwords", nil, "", []int{404, 403}},
		{"DELETE", "/api/v1/admin/users/{ann}/app-passwords/{app}", nil, "", []int{404, 403}},
		{"GET", "/api/v1/app-passwords", nil, "", []int{200, 403}}, // 403: not with a password that is sent with every request
		{"POST", "/api/v1/app-passwords", asJSON, `{"name": "x", "folder": "/private-things"}`, []int{404, 403}},
		{"DELETE", "/api/v1/app-passwords/{app}", nil, "", []int{404, 403}},
		{"GET", "/api/v1/shares", nil, "", []int{200, 403}},
		{"POST", "/api/v1/shares", asJSON, `{"path": "/private-things"}`, []int{404, 403}},
		{"DELETE", "/api/v1/shares/{share}", nil, "", []int{404, 403}},
		{"POST", "/api/v1/uploads/lookup", asJSON, annsHash(), []int{200}},
		{"GET", "/api/v1/me/second-factor", nil, "", []int{200, 403}},
		{"POST", "/api/v1/me/totp", asJSON, `{"password": "a guess"}`, []int{403}},
		{"POST", "/api/v1/me/totp/confirm", asJSON, `{"otp": "123456"}`, []int{403, 404}},
		{"DELETE", "/api/v1/me/totp", asJSON, `{"password": "a guess"}`, []int{403}},
		{"POST", "/api/v1/me/recovery-codes", asJSON, `{"password": "a guess"}`, []int{403}},
		{"POST", "/api/v1/uploads/proof", asJSON, `{"challenge": "{upload}", "answer": "` + strings.Repeat("0", 64) + `"}`, []int{404}},
	}
}

// annsHash asks for ann's content by its hash. Whoever knows only that learns nothing.
func annsHash() string {
	return fmt.Sprintf(`{"sha256": "%x", "size": %d, "name": "x.txt"}`, sha256.Sum256([]byte(annsContent)), len(annsContent))
}

// plainForm is one with a file.
const plainForm = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nx\r\n--x--\r\n"

func webProbes() []probe {
	asForm := map[string]string{"Content-Type": formType}
	return []probe{
		{"GET", "/account/activity", nil, "", []int{200}},
		{"GET", "/account/data", nil, "", []int{200}},
		{"GET", "/account/data/delete", nil, "", []int{200}},
		{"GET", "/account/identities", nil, "", []int{200}},
		{"POST", "/account/identities", asForm, "action=unlink&id={trash}", []int{404}},
		{"GET", "/drive/", nil, "", []int{200}},
		{"GET", "/account/sessions", nil, "", []int{200}},
		{"POST", "/account/sessions", asForm, "action=end&id={session}", []int{404}},
		{"POST", "/account/password", asForm, "password=not+bobs&new_password=a+new+password", []int{403}},
		{"GET", "/drive/private-things", nil, "", []int{404}},
		{"GET", "/drive/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/drive/secret-plan.txt?delete", nil, "", []int{404}},
		{"GET", "/raw/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/raw/private-things/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/raw/..%2f{ann}/secret-plan.txt", nil, "", []int{400, 404}},
		{"GET", "/view/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/view/private-things", nil, "", []int{404}},
		{"GET", "/view/private-things/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/view/..%2f{ann}/secret-plan.txt", nil, "", []int{400, 404}},
		{"GET", "/thumb/secret-plan.txt", nil, "", []int{404}},
		{"GET", "/thumb/private-things/secret-plan.txt?size=480", nil, "", []int{404}},
		{"GET", "/thumb/..%2f{ann}/secret-plan.txt", nil, "", []int{400, 404}},
		{"POST", "/drive/private-things", asForm, "action=new-folder&name=x", []int{404, 409}},
		{"POST", "/drive/secret-plan.txt", asForm, "action=delete", []int{404}},
		{"POST", "/drive/private-things", asForm, "action=delete", []int{404}},
		{"GET", "/account/second-factor", nil, "", []int{200}},
		{"POST", "/account/second-factor/passkeys/{upload}/remove", asForm, "password=" + password, []int{404}},
		{"POST", "/account/second-factor/totp/off", asForm, "password=a+guess", []int{403}},
		{"POST", "/drive/private-things", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, plainForm, []int{404, 409}},
		{"GET", "/drive/secret-plan.txt?details", nil, "", []int{404}},
		{"GET", "/drive/secret-plan.txt?versions", nil, "", []int{404}},
		{"GET", "/raw/secret-plan.txt?version={version}", nil, "", []int{404}},
		{"POST", "/drive/secret-plan.txt", asForm, "action=rename&name=mine", []int{404}},
		{"POST", "/drive/secret-plan.txt", asForm, "action=restore-version&version={version}", []int{404}},
		{"POST", "/drive/secret-plan.txt", asForm, "action=remove-version&version={version}", []int{404}},
		{"POST", "/drive/", asForm, "action=delete-chosen&item=secret-plan.txt", []int{404}},
		{"POST", "/drive/", asForm, "action=move&item=secret-plan.txt&to=/", []int{404}},
		{"POST", "/drive/", asForm, "action=copy&item=private-things&to=/", []int{404}},
		{"POST", "/drive/", asForm, "action=choose-move&item=x&at=/private-things", []int{404}},
		{"POST", "/drive/", asForm, "action=download&item=secret-plan.txt", []int{404}},
		{"GET", "/search?q=plan", nil, "", []int{200}},
		{"GET", "/rewind?to=0.0&path=/private-things", nil, "", []int{404}},
		{"POST", "/rewind", asForm, "path=/private-things&to=0.0&seen=0.0", []int{404}},
		{"POST", "/rewind", asForm, "path=/&to=zz.zz&seen=0.0", []int{410}},
		{"GET", "/trash", nil, "", []int{200}},
		{"POST", "/trash", asForm, "action=restore&item={trash}", []int{404}},
		{"POST", "/trash", asForm, "action=purge&item={trash}", []int{404}},
		{"POST", "/trash", asForm, "action=empty", []int{303}},
		{"GET", "/events?since=nonsense", nil, "", []int{400}},
		{"GET", "/admin", nil, "", []int{404}},
		{"GET", "/admin/users", nil, "", []int{404}},
		{"GET", "/admin/users/{ann}", nil, "", []int{404}},
		{"POST", "/admin/users/{ann}", asForm, "action=disable", []int{404}},
		{"POST", "/admin/users/{ann}", asForm, "action=password", []int{404}},
		{"GET", "/admin/users/{ann}/delete", nil, "", []int{404}},
		{"POST", "/admin/users/{ann}/delete", asForm, "username=ann", []int{404}},
		{"GET", "/admin/uploads", nil, "", []int{404}},
		{"POST", "/admin/uploads", asForm, "action=end&id={upload}", []int{404}},
		{"GET", "/admin/newcomers", nil, "", []int{404}},
		{"POST", "/admin/newcomers", asForm, "action=make-user&username=eve&admin=yes", []int{404}},
		{"GET", "/admin/audit?user=ann", nil, "", []int{404}},
		{"GET", "/account/shares", nil, "", []int{200}},
		{"POST", "/account/shares", asForm, "action=make&path=/private-things", []int{404}},
		{"POST", "/account/shares", asForm, "action=remove&id={share}", []int{404}},
	}
}

// Another user, by whatever credentials, sees and changes nothing of ann's; nobody at all is asked to sign in.
func TestAnotherUserSeesNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *Server) {
		ann, bob := s.Register(t, "ann"), s.Register(t, "bob")
		b := moveIn(t, ann)
		before := snapshot(t, ann, b)
		cookie := bob.Browser(t)
		cookie.CheckRedirect = noRedirects(nil).CheckRedirect

		doors := map[string][]probe{"tus": tusProbes(), "drop": dropProbes(), "dav": davProbes(), "api": apiProbes(), "web": webProbes()}
		for _, who := range []struct {
			name   string
			client *http.Client
			doors  []string // where these credentials count
		}{
			{"with a token", bob.Bearer, []string{"tus", "drop", "dav", "api", "web"}},
			{"with a password", bob.Basic, []string{"tus", "drop", "dav", "api"}},
			{"with a cookie", cookie, []string{"tus", "drop", "api", "web"}},
			{"nobody", bob.Anonymous, []string{"drop"}}, // a link counts, and not who has it
		} {
			for door, probes := range doors {
				known := slices.Contains(who.doors, door)
				for _, p := range probes {
					t.Run(fmt.Sprintf("%s/%s %s", who.name, p.method, p.path), func(t *testing.T) {
						answer := p.send(t, who.client, s, ann, b)
						want := p.want
						if !known {
							want = []int{http.StatusUnauthorized}
							if slices.Contains(p.want, http.StatusBadRequest) { // a path that is none is refused before anybody is asked
								want = append(want, http.StatusBadRequest)
							}
							if answer.StatusCode == http.StatusSeeOther && strings.HasPrefix(answer.Header.Get("Location"), "/login") {
								want = []int{http.StatusSeeOther} // a page asks to sign in
							}
						}
						if !slices.Contains(want, answer.StatusCode) {
							t.Errorf("%s, want one of %d\n%s", answer.Status, want, answer.text)
						}
						if known && p.body == annsHash() && !strings.Contains(answer.text, `"none"`) {
							t.Errorf("ann's content is found by its hash:\n%s", answer.text)
						}
						keepsSecret(t, p, answer, ann)
						if known && answer.StatusCode < 300 {
							bob.Clear(t, answer.Header.Get("Lock-Token"))
						}
					})
				}
			}
		}
		if after := snapshot(t, ann, b); after != before {
			t.Errorf("ann's things have changed. Before:\n%s\nafter:\n%s", before, after)
		}
	})
}

// The table above has a row for every route and method of the API.
func TestIsolationCoversTheAPI(t *testing.T) {
	s := start(t)
	var description struct {
		Paths map[string]map[string]json.RawMessage
	}
	decode(t, send(t, http.DefaultClient, http.MethodGet, s.URL+"/api/v1/openapi.json", nil, nil), http.StatusOK, &description)
	// Routes that tell nobody anything about a drive, or only about who asks.
	public := []string{"POST /api/v1/register", "POST /api/v1/login", "POST /api/v1/token/refresh", "POST /api/v1/logout",
		"POST /api/v1/codes", "POST /api/v1/password/reset",
		"GET /api/v1/openapi.json", "GET /.well-known/jwks.json"}
	for path, methods := range description.Paths {
		if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/.") {
			path = "/api/v1" + path
		}
		for method := range methods {
			method = strings.ToUpper(method)
			if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) || slices.Contains(public, method+" "+path) {
				continue
			}
			fixed, _, _ := strings.Cut(path, "{")
			if !slices.ContainsFunc(apiProbes(), func(p probe) bool { return p.method == method && strings.HasPrefix(p.path, fixed) }) {
				t.Errorf("no request of another user is tried on %s %s", method, path)
			}
		}
	}
	if len(description.Paths) < 8 {
		t.Errorf("the description has only %d paths", len(description.Paths))
	}
}

func (p probe) send(t *testing.T, client *http.Client, s *Server, ann *Account, b belongings) reply {
	t.Helper()
	fill := strings.NewReplacer("{base}", s.URL, "{ann}", ann.ID, "{upload}", b.upload, "{part}", b.part, "{full}", b.full,
		"{trash}", b.trash, "{lock}", b.lock, "{version}", b.version, "{share}", b.share, "{app}", b.app, "{session}", b.session, "{box}", b.box, "{dropped}", b.dropped)
	header := http.Header{}
	for name, value := range p.header {
		header.Set(name, fill.Replace(value))
	}
	var body io.Reader
	if p.body != "" {
		body = strings.NewReader(fill.Replace(p.body))
	}
	return send(t, client, p.method, s.URL+fill.Replace(p.path), header, body)
}

// keepsSecret checks that an answer says nothing of ann's that the request did not say itself.
func keepsSecret(t *testing.T, p probe, answer reply, ann *Account) {
	t.Helper()
	var said strings.Builder
	said.WriteString(answer.text)
	if err := answer.Header.Write(&said); err != nil {
		t.Fatal(err)
	}
	asked, err := url.PathUnescape(p.path)
	if err != nil {
		t.Fatal(err)
	}
	asked += p.body
	for _, secret := range append([]string{ann.ID}, annsNames...) {
		if strings.Contains(said.String(), secret) && !strings.Contains(asked, secret) && !strings.Contains(asked, "{ann}") {
			t.Errorf("the answer tells %q:\n%s", secret, said.String())
		}
	}
	if strings.Contains(said.String(), annsContent) {
		t.Errorf("the answer holds what ann wrote:\n%s", said.String())
	}
}

// Clear removes all that is in a drive, for good, and its open uploads. token is of a lock in it, if there is one.
func (a *Account) Clear(t *testing.T, token string) {
	t.Helper()
	var top struct{ Children []struct{ Name string } }
	decode(t, send(t, a.Basic, http.MethodGet, a.s.URL+"/api/v1/files/", nil, nil), http.StatusOK, &top)
	for _, child := range top.Children {
		address := a.s.URL + "/dav/" + escape(child.Name)
		header := http.Header{}
		if token != "" {
			header.Set("If", "<"+address+"> ("+token+")")
		}
		if answer := send(t, a.Basic, http.MethodDelete, address, header, nil); answer.StatusCode != http.StatusNoContent {
			t.Fatalf("DELETE %s: %s\n%s", address, answer.Status, answer.text)
		}
	}
	send(t, a.Basic, http.MethodDelete, a.s.URL+"/api/v1/trash", nil, nil)
	var open struct{ Items []struct{ URL string } }
	decode(t, send(t, a.Basic, http.MethodGet, a.s.URL+"/api/v1/uploads", nil, nil), http.StatusOK, &open)
	for _, upload := range open.Items {
		if answer := send(t, a.Basic, http.MethodDelete, upload.URL, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil); answer.StatusCode != http.StatusNoContent {
			t.Fatalf("DELETE %s: %s\n%s", upload.URL, answer.Status, answer.text)
		}
	}
}

func headers(values map[string]string) http.Header {
	header := http.Header{}
	for name, value := range values {
		header.Set(name, value)
	}
	return header
}
