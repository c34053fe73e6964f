package traces_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/traces"
	"github.com/satchelhq/satchel/traces/tracestest"
)

const (
	theirTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	theirSpan   = "00f067aa0ba902b7"
	theirParent = "00-" + theirTrace + "-" + theirSpan + "-01"
)

func open(t *testing.T, c *tracestest.Collector, sampled float64) *traces.Traces {
	t.Helper()
	o, err := traces.Open(t.Context(), traces.Options{Collector: c.URL + "/", Sampled: sampled, Version: "v1", Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// told closes the way, and answers what has arrived, by its name.
func told(t *testing.T, o *traces.Traces, c *tracestest.Collector) map[string]tracestest.Span {
	t.Helper()
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := map[string]tracestest.Span{}
	for _, s := range c.Spans() {
		all[s.Name] = s
	}
	return all
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestARequestAndWhatIsBelowIt(t *testing.T) {
	c := tracestest.New(t)
	o := open(t, c, 1)
	ctx, r := o.BeginRequest(t.Context(), "PUT", "dav", "req1", nil, false)
	began := time.Now()
	traces.Called(context.WithoutCancel(ctx), "db update", began, false)
	traces.Called(ctx, "blob sync", began, true)
	if r.TraceID() == "" {
		t.Error("the log has no id")
	}
	r.End(ctx, "PUT", traces.Answered{Route: "GET /dav/{path...}", Status: 500, Received: 7, Sent: 9})
	traces.Called(ctx, "too late", began, false)
	all := told(t, o, c)
	above := all["PUT /dav/{path...}"]
	want := map[string]string{"http.request.method": "PUT", "satchel.door": "dav", "satchel.request_id": "req1", "http.route": "/dav/{path...}",
		"http.response.status_code": "500", "http.request.body.size": "7", "http.response.body.size": "9"}
	for key, value := range want {
		if above.Attributes[key] != value {
			t.Errorf("%s is %q; want %q", key, above.Attributes[key], value)
		}
	}
	if len(all) != 3 || !above.Failed || above.Parent != "" || above.Service != "satchel" || above.Trace != r.TraceID() && above.Trace == "" {
		t.Errorf("there are %+v", all)
	}
	for name, failed := range map[string]bool{"db update": false, "blob sync": true} {
		s := all[name]
		if s.Parent != above.ID || s.Trace != above.Trace || s.Failed != failed || s.Began.After(s.Ended) || !s.Began.Equal(time.Unix(0, began.UnixNano())) {
			t.Errorf("%s is %+v below %+v", name, s, above)
		}
	}
}

// Whose trace a request belongs to.
func TestTracesOfOthers(t *testing.T) {
	for _, test := range []struct {
		name          string
		header        http.Header
		trusted       bool
		sampled       float64
		theirs, links bool
		arrives       bool
	}{
		{"a trusted proxy's", header("Traceparent", theirParent), true, 0, true, false, true},
		{"a trusted proxy's that it does not sample", header("Traceparent", theirParent[:len(theirParent)-1]+"0"), true, 1, true, false, false},
		{"a stranger's", header("Traceparent", theirParent, "Tracestate", "secret=secret"), false, 1, false, true, true},
		{"a stranger's does not decide", header("Traceparent", theirParent), false, 0, false, false, false},
		{"one that is none", header("Traceparent", "00-secret-secret-01"), true, 1, false, false, true},
		{"none", nil, true, 1, false, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := tracestest.New(t)
			o := open(t, c, test.sampled)
			ctx, r := o.BeginRequest(t.Context(), "GET", "web", "req1", test.header, test.trusted)
			r.End(ctx, "GET", traces.Answered{Route: "/", Status: 200})
			if s, arrived := told(t, o, c)["GET /"]; arrived != test.arrives || arrived &&
				((s.Trace == theirTrace) != test.theirs || (s.Parent == theirSpan) != test.theirs || slices.Contains(s.Links, theirTrace) != test.links || s.Failed) {
				t.Errorf("%v %+v", arrived, s)
			}
			if strings.Contains(c.Raw(), "secret") {
				t.Error("what a stranger sent is told")
			}
		})
	}
}

// However often something is done below a request, it has a bounded number of spans, and says how many are left out.
func TestCallsAreBounded(t *testing.T) {
	c := tracestest.New(t)
	o := open(t, c, 1)
	ctx, end := o.Job(t.Context(), "gc")
	for range 1000 {
		traces.Called(ctx, "db read", time.Now(), false)
	}
	end(true)
	job := told(t, o, c)["job gc"]
	if n := len(c.Spans()); n != 257 || job.Attributes["satchel.calls_left_out"] != "744" || !job.Failed {
		t.Errorf("%d spans; the job's is %+v", n, job)
	}
}

// What we send to others names the trace it belongs to, and the header alone: not where it goes.
func TestSending(t *testing.T) {
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Traceparent"))
		w.WriteHeader(http.StatusTeapot)
	}))
	defer other.Close()
	send := func(ctx context.Context) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, other.URL+"/secret?secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := traces.Send(http.DefaultClient, "webhook", r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if r.Header.Get("Traceparent") != "" && len(got) == 1 {
			t.Error("a header was sent for nobody")
		}
	}
	send(t.Context())
	c := tracestest.New(t)
	o := open(t, c, 1)
	ctx, r := o.BeginRequest(t.Context(), "PUT", "dav", "req1", nil, false)
	send(ctx)
	id := r.TraceID()
	r.End(ctx, "PUT", traces.Answered{Route: "/", Status: 200})
	send(o.Within(t.Context()))
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	never := open(t, tracestest.New(t), 0)
	ctx, r = never.BeginRequest(t.Context(), "PUT", "dav", "req1", nil, false)
	send(ctx)
	if r.TraceID() != "" {
		t.Error("the log names a trace that nobody was told of")
	}
	if len(got) != 4 || got[0] != "" || !strings.HasPrefix(got[1], "00-"+id+"-") || !strings.HasSuffix(got[1], "-01") ||
		!strings.HasSuffix(got[2], "-01") || strings.Contains(got[2], id) || !strings.HasSuffix(got[3], "-00") {
		t.Errorf("sent %q", got)
	}
	var webhooks []tracestest.Span
	for _, s := range c.Spans() {
		if s.Name == "webhook" {
			webhooks = append(webhooks, s)
		}
	}
	if len(webhooks) != 2 || webhooks[0].Trace != id || webhooks[1].Parent != "" || !webhooks[0].Failed || webhooks[0].Attributes["http.response.status_code"] != "418" {
		t.Errorf("there are %+v", webhooks)
	}
	if strings.Contains(c.Raw(), "secret") {
		t.Error("where it goes is told")
	}
}

// Without traces everything goes on, and nothing is told.
func TestNobodyIsTold(t *testing.T) {
	var o *traces.Traces
	ctx, r := o.BeginRequest(t.Context(), "GET", "web", "req1", header("Traceparent", theirParent), true)
	traces.Called(ctx, "db read", time.Now(), true)
	r.End(ctx, "GET", traces.Answered{})
	ctx, end := o.Job(ctx, "gc")
	end(true)
	if ctx != t.Context() || o.Within(ctx) != ctx || r.TraceID() != "" || o.Close(ctx) != nil {
		t.Error("it leaves something behind")
	}
}

// A collector that is not there costs its spans, and a line in the log.
func TestACollectorThatIsNotThere(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	var log strings.Builder
	o, err := traces.Open(t.Context(), traces.Options{Collector: gone.URL, Sampled: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, r := o.BeginRequest(t.Context(), "GET", "web", "req1", nil, false)
	r.End(ctx, "GET", traces.Answered{})
	ended, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := o.Close(ended); err == nil && !strings.Contains(log.String(), "spans were not sent") {
		t.Errorf("nobody was told; the log has %q", log.String())
	}
}
