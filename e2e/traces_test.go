package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
	"github.com/satchelhq/satchel/traces/tracestest"
)

// A file that arrives, from the proxy's trace down to Postgres, S3 and the webhooks; and nothing that has a name, opens something or is somebody's
// leaves with the spans.
func TestTraces(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	parents := map[string][]string{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		parents[r.URL.Path] = append(parents[r.URL.Path], r.Header.Get("Traceparent"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	defer receiver.Close()
	c := tracestest.New(t)
	s := startOn(t, sqldbtest.PostgresURL(t), append(inBucket(t, s3test.Start(t).Endpoint, true),
		"SATCHEL_TRACES="+c.URL, "SATCHEL_TRACES_SAMPLED=100%", "SATCHEL_TRUSTED_PROXIES=127.0.0.1/32",
		"SATCHEL_ADMIT_WEBHOOK="+receiver.URL+"/admit?hidden-hook", "SATCHEL_ADMIT_WEBHOOK_SECRET=0123456789abcdef",
		"SATCHEL_EVENTS_WEBHOOK="+receiver.URL+"/events?hidden-hook", "SATCHEL_EVENTS_WEBHOOK_SECRET=0123456789abcdef")...)
	a := s.Register(t, "ann-hidden")

	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	put := send(t, a.Basic, http.MethodPut, s.URL+"/dav/hidden-name.txt?hidden-query", headers(map[string]string{"Traceparent": "00-" + theirs + "-00f067aa0ba902b7-01"}),
		strings.NewReader(strings.Repeat("content", 20_000)))
	if put.StatusCode != http.StatusCreated {
		t.Fatalf("PUT: %s", put.Status)
	}
	var share struct{ URL string }
	decode(t, send(t, a.Bearer, http.MethodPost, s.URL+"/api/v1/shares", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"path": "/hidden-name.txt"}`)),
		http.StatusCreated, &share)
	for _, path := range []string{share.URL, s.URL + "/drive/hidden-name?hidden-query", s.URL + "/hidden-nothing", s.URL + "/api/v1/files/hidden-name.txt"} {
		send(t, a.Bearer, http.MethodGet, path, nil, nil)
	}
	waitFor(t, "the event", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(parents["/events"]) > 0
	})
	s.Stop()

	spans := map[string]tracestest.Span{} // those of the PUT, by name
	routes := map[string]bool{}
	for _, span := range c.Spans() {
		if span.Trace == theirs {
			spans[span.Name] = span
		}
		routes[span.Name] = true
	}
	above := spans["PUT /dav/{path...}"]
	if above.Parent != "00f067aa0ba902b7" || above.Attributes["http.response.status_code"] != "201" {
		t.Errorf("the PUT is %+v", above)
	}
	for _, name := range []string{"db update", "blob stage", "blob seal", "s3 PutObject", "webhook"} {
		if span, ok := spans[name]; !ok || span.Parent != above.ID || span.Failed {
			t.Errorf("below the PUT, %s is %+v", name, span)
		}
	}
	for _, route := range []string{"GET /drive/{path...}", "GET /api/v1/files/{path...}", "POST /api/v1/register", "GET /s/{token}", "GET /"} {
		if !routes[route] {
			t.Errorf("no span is called %s; there are %v", route, routes)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	asked, event := parents["/admit"], parents["/events"]
	if len(asked) != 1 || !strings.HasPrefix(asked[0], "00-"+theirs+"-") || !strings.HasPrefix(event[0], "00-") || strings.Contains(event[0], theirs) {
		t.Errorf("the receivers were told %q and %q", asked, event)
	}
	_, token, _ := strings.Cut(share.URL, "/s/")
	for _, private := range []string{"hidden", token, a.Token, a.Refresh, a.ID, password, "127.0.0.1"} {
		if strings.Contains(c.Raw(), private) {
			t.Errorf("the collector was told %q", private)
		}
	}
}
