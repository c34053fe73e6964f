package doctor

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// pages signs in as a browser does, and listens.
func (w *Way) pages(ctx context.Context) {
	const topic = "events as they happen"
	at, err := url.Parse(w.h5)
	if err != nil || at.Path == "" {
		return
	}
	if a, err := w.ask(ctx, http.MethodGet, at.RequestURI(), ""); err != nil || a.StatusCode >= 400 {
		w.tell(wrong("pages", nil, "the link that opens them signed in fails: %v", told(a, err)))
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := w.request(ctx, http.MethodGet, "/events", nil, header("Accept", "text/event-stream"))
	if err != nil {
		return
	}
	came := make(chan string, 1)
	go func() {
		response, err := w.client.Do(r)
		if err != nil {
			came <- err.Error()
			return
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			came <- response.Status
			return
		}
		if _, err := response.Body.Read(make([]byte, 1)); err != nil {
			came <- err.Error()
			return
		}
		came <- ""
	}()
	late := time.NewTimer(streamPatience)
	defer late.Stop()
	select {
	case failed := <-came:
		if failed != "" {
			w.tell(wrong(topic, nil, "GET /events: %s", failed))
			return
		}
		w.tell(good(topic, "pages hear of changes"))
	case <-late.C:
		w.tell(wrong(topic, answersBuffered(), "after %s nothing of the stream has come: pages do not hear of changes", streamPatience))
	case <-ctx.Done():
	}
}

func told(a *answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return a.Status
}
