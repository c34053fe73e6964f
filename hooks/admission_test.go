package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	tusd "github.com/tus/tusd/v2/pkg/hooks"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// asking is an Admission with a receiver that is written with tusd's own types, as its users have one.
type asking struct {
	*Admission
	t *testing.T

	mu      sync.Mutex
	asked   []tusd.HookRequest
	raw     []string
	results []string
}

func newAsking(t *testing.T, o AdmissionOptions, answer http.HandlerFunc) *asking {
	t.Helper()
	a := &asking{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var asked tusd.HookRequest
		if err := errors.Join(err, json.Unmarshal(body, &asked)); err != nil {
			t.Error(err)
		}
		if !signed(r, body) || !strings.HasPrefix(r.Header.Get("webhook-id"), "adm_") {
			t.Errorf("not signed: %v", r.Header)
		}
		a.mu.Lock()
		a.asked, a.raw = append(a.asked, asked), append(a.raw, string(body))
		a.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	o.Address, o.Secret, o.Log = server.URL, testSecret, slog.New(slog.DiscardHandler)
	o.Names = func(_ context.Context, ids []string) (map[string]string, error) {
		return map[string]string{ids[0]: "owner"}, nil
	}
	o.Observe = func(result string, _ time.Duration) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.results = append(a.results, result)
	}
	var err error
	if a.Admission, err = NewAdmission(o); err != nil {
		t.Fatal(err)
	}
	return a
}

// says answers with what tusd's users encode.
func says(answer tusd.HookResponse) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// What tusd's own types read of a question is what tusd would have sent, and nothing that opens anything is in it.
func TestAQuestionIsThatOfTusd(t *testing.T) {
	a := newAsking(t, AdmissionOptions{Headers: []string{"x-tenant"}}, says(tusd.HookResponse{}))
	ctx := authn.WithPrincipal(t.Context(), authn.Principal{UserID: "ann's", Username: "ann"})
	ctx = WithRequest(ctx, func() Request {
		return Request{ID: "r1", Door: "tus", Method: "POST", URI: "/files/", RemoteAddr: "192.0.2.7:4711", Header: http.Header{
			"Authorization": {"Bearer secret"}, "Cookie": {"satchel=secret"}, "Referer": {"https://example.org/s/secret"}, "Proxy-Authorization": {"secret"},
			"Destination": {"/s/secret"}, "X-Api-Key": {"secret"}, "X-Tenant": {"acme"}, "User-Agent": {"tus-js-client"}, "Upload-Length": {"5"}, "Host": {"files.example.org"},
		}}
	})
	q := drive.Question{Proposal: drive.Proposal{DriveID: "ann's", Name: "cat.jpg", MediaType: "image/jpeg", Size: 5}, Path: "/photos/cat.jpg", Kind: drive.Whole,
		Metadata: "filename Y2F0LmpwZw==,folder cGhvdG9z", SHA256: []byte{1, 2}}
	if got, err := a.Ask(ctx, q); err != nil || got != (drive.Amendment{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	want := tusd.HookRequest{Type: tusd.HookPreCreate, Event: handler.HookEvent{
		Upload: handler.FileInfo{Size: 5, MetaData: handler.MetaData{"filename": "cat.jpg", "folder": "photos"}},
		HTTPRequest: handler.HTTPRequest{Method: "POST", URI: "/files/", RemoteAddr: "192.0.2.7:4711",
			Header: http.Header{"X-Tenant": {"acme"}, "User-Agent": {"tus-js-client"}, "Upload-Length": {"5"}, "Host": {"files.example.org"}}},
	}}
	if !reflect.DeepEqual(a.asked[0], want) {
		t.Errorf("got  %+v\nwant %+v", a.asked[0], want)
	}
	const beside = `"Satchel":{"User":"ann","UserID":"ann's","Owner":"ann","Drive":"ann's","Share":"","Path":"/photos/cat.jpg","MediaType":"image/jpeg","SHA256":"0102","Door":"tus","Request":"r1"}`
	if !strings.Contains(a.raw[0], beside) || strings.Contains(a.raw[0], "secret") {
		t.Error(a.raw[0])
	}
}

func TestWhatAQuestionTellsOfAnUpload(t *testing.T) {
	for _, c := range []struct {
		what string
		q    drive.Question
		want handler.FileInfo
	}{
		{"no length", drive.Question{Proposal: drive.Proposal{Name: "f", Size: -1}, Kind: drive.Whole, Path: "/f"},
			handler.FileInfo{SizeIsDeferred: true, MetaData: handler.MetaData{"filename": "f"}}},
		{"a part", drive.Question{Proposal: drive.Proposal{Size: 7}, Kind: drive.Partial}, handler.FileInfo{Size: 7, IsPartial: true, MetaData: handler.MetaData{}}},
		{"a whole of parts", drive.Question{Proposal: drive.Proposal{Name: "f", Size: 9, MediaType: "text/plain"}, Kind: drive.Joined, Parts: []string{"a", "b"}, Path: "/f"},
			handler.FileInfo{Size: 9, IsFinal: true, PartialUploads: []string{"a", "b"}, MetaData: handler.MetaData{"filename": "f", "filetype": "text/plain"}}},
	} {
		a := newAsking(t, AdmissionOptions{}, says(tusd.HookResponse{}))
		if _, err := a.Ask(t.Context(), c.q); err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if got := a.asked[0].Event.Upload; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.what, got, c.want)
		}
	}
	// A stranger with the link of a drop box is nobody, and the drive somebody's.
	a := newAsking(t, AdmissionOptions{}, says(tusd.HookResponse{}))
	if _, err := a.Ask(t.Context(), drive.Question{Proposal: drive.Proposal{DriveID: "d", Name: "f"}, Share: "s", Path: "/f"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(a.raw[0], `"User":"","UserID":"","Owner":"owner","Drive":"d","Share":"s"`) {
		t.Error(a.raw[0])
	}
}

func TestWhatARejectionBecomes(t *testing.T) {
	long := strings.Repeat("€", maxRejection)
	for _, c := range []struct {
		what     string
		http     handler.HTTPResponse
		want     Rejection
		sentence string
	}{
		{"nothing", handler.HTTPResponse{}, Rejection{Status: 400, ContentType: plainText}, "The rules of this server do not let this upload begin."},
		{"a text", handler.HTTPResponse{StatusCode: 403, Body: "Too big.\n"}, Rejection{Status: 403, Body: "Too big.\n", ContentType: plainText}, "Too big."},
		{"JSON", handler.HTTPResponse{StatusCode: 422, Body: `{"message": "no"}`, Header: handler.HTTPHeader{"content-type": "application/json"}},
			Rejection{Status: 422, Body: `{"message": "no"}`, ContentType: jsonText}, "no"},
		{"JSON that says nothing to people", handler.HTTPResponse{StatusCode: 422, Body: `[1]`, Header: handler.HTTPHeader{"Content-Type": "application/json"}},
			Rejection{Status: 422, Body: `[1]`, ContentType: jsonText}, "The rules of this server do not let this upload begin."},
		{"JSON with what steers a terminal", handler.HTTPResponse{StatusCode: 422, Body: `{"detail":"no \u001b[2J"}`, Header: handler.HTTPHeader{"Content-Type": "application/json"}},
			Rejection{Status: 422, Body: `{"detail":"no \u001b[2J"}`, ContentType: jsonText}, "no [2J"},
		{"what is no JSON", handler.HTTPResponse{StatusCode: 422, Body: `{`, Header: handler.HTTPHeader{"Content-Type": "application/json"}},
			Rejection{Status: 422, Body: `{`, ContentType: plainText}, "{"},
		{"a page", handler.HTTPResponse{StatusCode: 402, Body: "<script>", Header: handler.HTTPHeader{"Content-Type": "text/html"}},
			Rejection{Status: 402, Body: "<script>", ContentType: plainText}, "<script>"},
		{"headers", handler.HTTPResponse{StatusCode: 503, Header: handler.HTTPHeader{"Retry-After": "7", "Content-Language": "de", "Set-Cookie": "a=b", "Location": "/x",
			"Access-Control-Allow-Origin": "*", "X-Accel-Redirect": "/etc", "Www-Authenticate": "Basic"}},
			Rejection{Status: 503, ContentType: plainText, Header: map[string]string{"Retry-After": "7", "Content-Language": "de"}}, "The rules of this server do not let this upload begin."},
		{"a header in two lines", handler.HTTPResponse{StatusCode: 403, Header: handler.HTTPHeader{"Retry-After": "7\r\nSet-Cookie: a=b"}},
			Rejection{Status: 403, ContentType: plainText}, "The rules of this server do not let this upload begin."},
		{"a success", handler.HTTPResponse{StatusCode: 201, Body: "ok"}, Rejection{Status: 400, Body: "ok", ContentType: plainText}, "ok"},
		{"a redirect", handler.HTTPResponse{StatusCode: 302}, Rejection{Status: 400, ContentType: plainText}, "The rules of this server do not let this upload begin."},
		{"wrong credentials", handler.HTTPResponse{StatusCode: 401, Body: "who?"}, Rejection{Status: 403, Body: "who?", ContentType: plainText}, "who?"},
		{"what is no status", handler.HTTPResponse{StatusCode: 999}, Rejection{Status: 400, ContentType: plainText}, "The rules of this server do not let this upload begin."},
		{"a terminal's orders", handler.HTTPResponse{StatusCode: 403, Body: "a\x1b[2Jb\x00"}, Rejection{Status: 403, Body: "a[2Jb", ContentType: plainText}, "a[2Jb"},
		{"too much", handler.HTTPResponse{StatusCode: 403, Body: long}, Rejection{Status: 403, Body: long[:maxRejection-maxRejection%3], ContentType: plainText}, long[:maxRejection-maxRejection%3]},
	} {
		a := newAsking(t, AdmissionOptions{}, says(tusd.HookResponse{RejectUpload: true, HTTPResponse: c.http}))
		_, err := a.Ask(t.Context(), drive.Question{})
		got, ok := Rejected(err)
		if !ok || got.Status != c.want.Status || got.Body != c.want.Body || got.ContentType != c.want.ContentType || !maps.Equal(got.Header, c.want.Header) {
			t.Errorf("%s: %+v (%v)", c.what, got, err)
		}
		if code, sentence, _ := fault.Public(fault.Wrap(err, "door")); code != "upload_rejected" || sentence != c.sentence {
			t.Errorf("%s: %s, %q", c.what, code, sentence)
		}
		if !reflect.DeepEqual(a.results, []string{Declined}) {
			t.Errorf("%s: counted as %v", c.what, a.results)
		}
	}
}

func TestWhatAnAnswerChanges(t *testing.T) {
	metadata := func(m string) *string { return &m }
	for _, c := range []struct {
		what string
		m    handler.MetaData
		want drive.Amendment
		bad  bool
	}{
		{"nothing", nil, drive.Amendment{}, false},
		{"none", handler.MetaData{}, drive.Amendment{Metadata: metadata("")}, false},
		{"name and type", handler.MetaData{"filename": "b", "filetype": "text/plain", "a": ""}, drive.Amendment{Name: "b", MediaType: "text/plain", Metadata: metadata("a ,filename Yg==,filetype dGV4dC9wbGFpbg==")}, false},
		{"a name that climbs", handler.MetaData{"filename": "../b"}, drive.Amendment{}, true},
		{"a type that is none", handler.MetaData{"filetype": "a\r\nb"}, drive.Amendment{}, true},
		{"a key that is none", handler.MetaData{"a b": "c"}, drive.Amendment{}, true},
		{"too much", handler.MetaData{"a": strings.Repeat("x", drive.MaxMetadata)}, drive.Amendment{}, true},
	} {
		a := newAsking(t, AdmissionOptions{}, says(tusd.HookResponse{ChangeFileInfo: handler.FileInfoChanges{ID: "chosen", MetaData: c.m, Storage: map[string]string{"Path": "/etc"}}}))
		got, err := a.Ask(t.Context(), drive.Question{})
		if (err != nil) != c.bad || !c.bad && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
}

// Whatever is no answer is no yes: nothing begins, and the client may try again.
func TestNoAnswerIsNoYes(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	asJSON := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") }
	for what, answer := range map[string]http.HandlerFunc{
		"an error":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a no that is no JSON": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"nothing":         func(http.ResponseWriter, *http.Request) {},
		"an empty object": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"half an object":  func(w http.ResponseWriter, _ *http.Request) { asJSON(w); _, _ = w.Write([]byte(`{"RejectUpload":`)) },
		"another kind of value": func(w http.ResponseWriter, _ *http.Request) {
			asJSON(w)
			_, _ = w.Write([]byte(`{"RejectUpload": "no"}`))
		},
		"more than anybody reads": func(w http.ResponseWriter, _ *http.Request) {
			asJSON(w)
			_, _ = fmt.Fprintf(w, `{"a": %q}`, strings.Repeat("a", 65<<10))
		},
		"silence": func(http.ResponseWriter, *http.Request) { <-hang },
		"a break": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		a := newAsking(t, AdmissionOptions{Timeout: 200 * time.Millisecond}, answer)
		_, err := a.Ask(t.Context(), drive.Question{})
		if code, _, _ := fault.Public(err); code != "admission_unavailable" || !fault.Is(err, fault.Busy) || fault.RetryAfter(err) != askAgain {
			t.Errorf("%s: %v", what, err)
		}
		if !reflect.DeepEqual(a.results, []string{Unanswered}) {
			t.Errorf("%s: counted as %v", what, a.results)
		}
	}
	left, leave := context.WithCancel(t.Context())
	a := newAsking(t, AdmissionOptions{}, func(http.ResponseWriter, *http.Request) { leave(); <-hang })
	if _, err := a.Ask(left, drive.Question{}); !errors.Is(err, context.Canceled) || a.results != nil {
		t.Errorf("a client that left: %v, counted as %v", err, a.results)
	}
}

// One drive's questions leave turns for those of others, and all together are bounded.
func TestQuestionsTakeTurns(t *testing.T) {
	turns := newAskTurns(3, 2)
	ended, end := context.WithCancel(t.Context())
	end()
	var leave []func()
	take := func(ctx context.Context, drive string) bool {
		done, err := turns.take(ctx, drive)
		if err == nil {
			leave = append(leave, done)
		}
		return err == nil
	}
	for i, c := range []struct {
		drive string
		gets  bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"b", false}} {
		ctx := t.Context()
		if !c.gets {
			ctx = ended
		}
		if take(ctx, c.drive) != c.gets {
			t.Errorf("%d: the turns are not two for a drive and three in all", i)
		}
	}
	for _, done := range leave {
		done()
	}
	if len(turns.drives) != 0 || len(turns.all) != 0 {
		t.Errorf("%d drives are remembered, %d turns taken", len(turns.drives), len(turns.all))
	}
	if !take(t.Context(), "a") {
		t.Error("what was given back cannot be had")
	}
}

func TestSettingsOfAdmission(t *testing.T) {
	if a, err := NewAdmission(AdmissionOptions{}); a != nil || err != nil {
		t.Errorf("%v, %v", a, err)
	}
	for _, name := range []string{"Authorization", "cookie", "Proxy-Authorization", "referer", ""} {
		if _, err := NewAdmission(AdmissionOptions{Address: "http://127.0.0.1", Secret: testSecret, Headers: []string{name}}); err == nil {
			t.Errorf("the header %q may be told", name)
		}
	}
	if _, err := NewAdmission(AdmissionOptions{Address: "ftp://127.0.0.1", Secret: testSecret}); err == nil {
		t.Error("ftp is asked")
	}
}
