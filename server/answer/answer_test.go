package answer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

func TestEveryKindHasItsStatus(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.Exists: 409, fault.ParentMissing: 409, fault.OffsetMismatch: 409, fault.Gone: 410, fault.Timeout: 408, fault.Precondition: 412,
		fault.TooLarge: 413, fault.Unsupported: 415, fault.Locked: 423, fault.ChecksumMismatch: 460, fault.TooMany: 429,
		fault.Busy: 503, fault.Full: 507,
	}
	for kind, status := range want {
		if got := answer.Status(fmt.Errorf("wrapped: %w", fault.New(kind, "op", ""))); got != status {
			t.Errorf("%v: %d, want %d", kind, got, status)
		}
	}
	// A kind that is added later must be added here: the last one's successor has no name yet.
	func() {
		defer func() {
			if recover() == nil {
				t.Errorf("there is a kind %v without a row here", fault.Kind(len(want)))
			}
		}()
		_ = fault.Kind(len(want)).Code()
	}()
	for err, status := range map[error]int{
		nil:                                200,
		errors.New("unforeseen"):           500,
		context.Canceled:                   499,
		fault.Wrap(context.Canceled, "op"): 499,
		fault.Wrap(context.DeadlineExceeded, "op"):        503,
		fault.As(fault.Full, "op", context.Canceled):      507,
		fmt.Errorf("read the body: %w", io.ErrNoProgress): 500,
	} {
		if got := answer.Status(err); got != status {
			t.Errorf("%v: %d, want %d", err, got, status)
		}
	}
}

const secret = "/srv/data/blobs: disk on fire"

// ask runs a handler that returns err, as request "r1" with a log.
func ask(t *testing.T, method string, err error, write func(http.ResponseWriter, *http.Request, error), headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	r := httptest.NewRequest(method, "/files/a%20b?ticket=SECRET", nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	ctx := answer.WithLog(answer.WithRequestID(r.Context(), "r1"), slog.New(slog.NewTextHandler(&log, nil)))
	w := httptest.NewRecorder()
	answer.Handle(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("ETag", `"x"`) // a handler may have begun to describe what it then cannot send
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("Cache-Control", "public, max-age=300")
		return err
	}, write).ServeHTTP(w, r.WithContext(ctx))
	return w, log.String()
}

func spellings() map[string]func(http.ResponseWriter, *http.Request, error) {
	return map[string]func(http.ResponseWriter, *http.Request, error){"Error": answer.Error, "Text": answer.Text, "DAV": answer.DAV}
}

func TestNoErrorTellsWhatIsInside(t *testing.T) {
	for name, write := range spellings() {
		for _, err := range []error{
			errors.New(secret),
			fault.As(fault.Internal, secret, errors.New(secret)).WithPath(secret),
			&fault.Error{Kind: fault.Internal, Public: secret, Code: secret},
			fault.As(fault.NotFound, secret, errors.New(secret)).WithPath(secret),
			fault.Wrap(fault.As(fault.Busy, secret, errors.New(secret)), secret),
		} {
			w, log := ask(t, "GET", err, write)
			body := w.Body.String()
			if strings.Contains(body, "/srv") || strings.Contains(fmt.Sprint(w.Header()), "/srv") {
				t.Errorf("%s: %s", name, body)
			}
			if !strings.Contains(body, "r1") {
				t.Errorf("%s without the request id: %s", name, body)
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" || w.Header().Get("Content-Length") != "" {
				t.Errorf("%s: headers %v", name, w.Header())
			}
			if w.Code >= 500 && (!strings.Contains(log, "disk on fire") && !strings.Contains(log, "/srv") || !strings.Contains(log, "request_id=r1")) {
				t.Errorf("%s: the log does not tell: %s", name, log)
			}
			if w.Code < 500 && log != "" {
				t.Errorf("%s: a client's error is in the log: %s", name, log)
			}
			if strings.Contains(log, "SECRET") {
				t.Errorf("%s: the query is in the log: %s", name, log)
			}
		}
	}
}

func TestHeadGetsNoBody(t *testing.T) {
	for name, write := range spellings() {
		w, _ := ask(t, "HEAD", fault.New(fault.NotFound, "op", ""), write)
		if w.Code != 404 || w.Body.Len() != 0 || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d, %q", name, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	answer.JSON(w, httptest.NewRequest("HEAD", "/", nil), 200, map[string]int{"a": 1})
	if w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("JSON: %d, %q", w.Code, w.Body)
	}
}

func TestWhenToComeBack(t *testing.T) {
	for name, write := range spellings() {
		for kind, want := range map[fault.Kind]bool{fault.Busy: true, fault.TooMany: true, fault.NotFound: false, fault.Internal: false, fault.Full: false} {
			w, _ := ask(t, "GET", fault.New(kind, "op", ""), write)
			if got := w.Header().Get("Retry-After") != ""; got != want {
				t.Errorf("%s of %v: Retry-After %q", name, kind, w.Header().Get("Retry-After"))
			}
		}
	}
	w := httptest.NewRecorder()
	w.Header().Set("Retry-After", "7") // whoever limits knows better
	answer.Error(w, httptest.NewRequest("GET", "/", nil), fault.New(fault.TooMany, "op", ""))
	if got := w.Header().Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After %s", got)
	}
}

func TestChallenges(t *testing.T) {
	const basic, bearer = `Basic realm="Satchel", charset="UTF-8"`, `Bearer realm="Satchel"`
	expired := fault.New(fault.Unauthenticated, "op", "").WithCode("token_expired")
	for _, c := range []struct {
		what    string
		write   func(http.ResponseWriter, *http.Request, error)
		err     error
		headers []string
		want    []string
	}{
		{"API", answer.Error, fault.New(fault.Unauthenticated, "op", ""), nil, []string{bearer, basic}},
		{"tus", answer.Text, fault.New(fault.Unauthenticated, "op", ""), nil, []string{bearer, basic}},
		{"DAV", answer.DAV, fault.New(fault.Unauthenticated, "op", ""), nil, []string{basic, bearer}},
		{"DAV with a refused token", answer.DAV, expired, []string{"Authorization", "Bearer x"}, []string{basic, bearer + `, error="invalid_token"`}},
		{"a refused token", answer.Error, expired, []string{"Authorization", "bearer x"}, []string{bearer + `, error="invalid_token"`, basic}},
		{"a script in a browser", answer.Error, expired, []string{"Sec-Fetch-Mode", "cors"}, []string{bearer}},
		{"a browser's address bar", answer.Text, expired, []string{"Sec-Fetch-Mode", "navigate"}, []string{bearer, basic}},
		{"not allowed", answer.Error, fault.New(fault.Forbidden, "op", ""), nil, nil},
	} {
		w, _ := ask(t, "GET", c.err, c.write, c.headers...)
		if got := w.Header().Values("WWW-Authenticate"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestProblem(t *testing.T) {
	err := fault.New(fault.Invalid, "op", "Some fields are not valid.").WithCode("invalid_fields")
	err.Fields = []fault.Field{{Name: "username", Code: "too_long", Message: "Too long."}}
	w, _ := ask(t, "POST", fault.Wrap(err, "outer"), answer.Error)
	const want = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"Some fields are not valid.","code":"invalid_fields","request_id":"r1","fields":[{"name":"username","code":"too_long","message":"Too long."}]}`
	if got := strings.TrimSpace(w.Body.String()); got != want || w.Code != 400 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), got)
	}

	w = httptest.NewRecorder()
	answer.MethodNotAllowed(w, httptest.NewRequest("PUT", "/", nil), "GET", "HEAD")
	var p answer.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 405 || p.Code != "method_not_allowed" || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestTextIsReadable(t *testing.T) {
	w, _ := ask(t, "PATCH", fault.New(fault.ChecksumMismatch, "op", ""), answer.Text)
	if w.Code != 460 || !strings.HasPrefix(w.Body.String(), "The bytes differ from their checksum.\n") || !strings.Contains(w.Body.String(), "code: checksum_mismatch\n") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDAVErrorsAreElements(t *testing.T) {
	type davError struct {
		XMLName xml.Name  `xml:"DAV: error"`
		Quota   *struct{} `xml:"DAV: quota-not-exceeded"`
		Href    string    `xml:"DAV: lock-token-submitted>href"`
		Code    string    `xml:"code"`
		Message string    `xml:"message"`
		ID      string    `xml:"request-id"`
	}
	for _, c := range []struct {
		err   error
		code  string
		quota bool
		href  string
	}{
		{fault.New(fault.Full, "op", ""), "full", true, ""},
		{fault.New(fault.Locked, "op", ""), "locked", false, "/files/a%20b"},
		{fault.New(fault.Forbidden, "op", `<a> & "b"`), "forbidden", false, ""},
	} {
		w, _ := ask(t, "PUT", c.err, answer.DAV)
		var got davError
		if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%v: %s", err, w.Body)
			continue
		}
		_, sentence, _ := fault.Public(c.err)
		if got.Code != c.code || (got.Quota != nil) != c.quota || got.Href != c.href || got.Message != sentence || got.ID != "r1" {
			t.Errorf("%+v", got)
		}
	}
}

func TestJSON(t *testing.T) {
	w := httptest.NewRecorder()
	answer.JSON(w, httptest.NewRequest("GET", "/", nil), 201, map[string]string{"a": "</script>"})
	if w.Code != 201 || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" ||
		w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Body.String() != `{"a":"\u003c/script\u003e"}`+"\n" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	answer.JSON(w, httptest.NewRequest("POST", "/", nil), 204, nil)
	if w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestWithoutAContextNothingBreaks(t *testing.T) {
	if answer.RequestID(context.Background()) != "" || answer.Log(context.Background()) == nil {
		t.Error("no request id must be empty and no log the default")
	}
}
