package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
)

// overHTTP2 is a client of a front that is served over TLS. It has one connection.
func overHTTP2(t *testing.T, f *front) (client *http.Client, address string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(f.Public())
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Client(), srv.URL
}

// ask sends a body over HTTP/2 and answers what came back, with its body read, and whether the connection was there before.
func (f *front) ask(t *testing.T, client *http.Client, address string, body io.Reader) (answered *http.Response, text string, reused bool) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.signIn.AccessToken)
	answered, err = client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answered.Body.Close()
	got, err := io.ReadAll(answered.Body)
	if err != nil || answered.ProtoMajor != 2 {
		t.Errorf("%s %v", answered.Proto, err)
	}
	return answered, string(got), reused
}

// On HTTP/2 a body that stands still ends its request and not the connection, which others share.
func TestABodyThatStandsStillOverHTTP2(t *testing.T) {
	f := newFront(t, frontOptions{behind: answer.Handle(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.Copy(w, r.Body)
		return err
	}, answer.Error)})
	f.bodyPatience = 50 * time.Millisecond
	client, address := overHTTP2(t, f)
	for i := range 3 {
		body, w := io.Pipe()
		defer w.Close()
		answered, text, reused := f.ask(t, client, address+"/api/v1/folders", body)
		if answered.StatusCode != http.StatusRequestTimeout || !strings.Contains(text, "body_stalled") {
			t.Errorf("%s %s", answered.Status, text)
		}
		if reused != (i > 0) {
			t.Errorf("request %d came on a connection that was there before: %v", i, reused)
		}
	}
	if _, text, reused := f.ask(t, client, address+"/api/v1/folders", strings.NewReader("whole")); text != "whole" || !reused {
		t.Errorf("the next request: %q, on the same connection: %v", text, reused)
	}
}

// Nor does what moves end, however long it takes: each piece that arrives has the time anew.
func TestABodyThatMovesOverHTTP2(t *testing.T) {
	const pieces = 12
	arrived := make(chan struct{})
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for piece := make([]byte, 5); ; arrived <- struct{}{} {
			if _, err := io.ReadFull(r.Body, piece); err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				return
			}
		}
	})})
	f.bodyPatience = 2 * time.Second
	client, address := overHTTP2(t, f)
	body, w := io.Pipe()
	go func() {
		for range pieces {
			_, _ = io.WriteString(w, "piece")
			<-arrived
			time.Sleep(f.bodyPatience / 6) // twice the patience, all together
		}
		w.Close()
	}()
	if answered, _, _ := f.ask(t, client, address+"/dav/f", body); answered.StatusCode != http.StatusOK {
		t.Errorf("%s", answered.Status)
	}
}

// Who is thrown out hears of it on the stream; the connection stays, and the next request is refused.
func TestWhoIsThrownOutOverHTTP2(t *testing.T) {
	begun := make(chan struct{})
	f := newFront(t, frontOptions{behind: answer.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := r.Body.Read(make([]byte, 5))
		close(begun)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		return err
	}, answer.Error)})
	client, address := overHTTP2(t, f)
	body, w := io.Pipe()
	defer w.Close()
	go func() {
		_, _ = io.WriteString(w, "piece")
		<-begun
		who, err := f.accounts.Bearer(context.Background(), f.signIn.AccessToken)
		if err == nil {
			err = f.accounts.Logout(context.Background(), who, authn.Client{})
		}
		if err != nil {
			t.Error(err)
		}
	}()
	if answered, text, _ := f.ask(t, client, address+"/api/v1/folders", body); answered.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "session_ended") {
		t.Errorf("%s %s", answered.Status, text)
	}
	if answered, _, reused := f.ask(t, client, address+"/api/v1/folders", strings.NewReader("x")); answered.StatusCode != http.StatusUnauthorized || !reused {
		t.Errorf("the next request: %s, on the same connection: %v", answered.Status, reused)
	}
}

// What is refused over HTTP/2 has no body any more: it would lie in memory until the client has read the answer, a stranger's too.
func TestWhatIsRefusedOverHTTP2IsNotKept(t *testing.T) {
	left := make(chan error, 1)
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := r.Body.Read(make([]byte, 5))
		if err == nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_, err = r.Body.Read(make([]byte, 5))
		}
		left <- err
	})})
	client, address := overHTTP2(t, f)
	if answered, _, _ := f.ask(t, client, address+"/api/v1/folders", strings.NewReader("piecepiece")); answered.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%s", answered.Status)
	}
	if err := <-left; err == nil || err == io.EOF {
		t.Errorf("the rest of the body is kept: %v", err)
	}
}

// A deadline bounds what is written and not the time between, on a stream as on a connection: events are written now and then. What cannot be written
// in time ends the stream.
func TestWriteDeadlinesOverHTTP2(t *testing.T) {
	const patience = 100 * time.Millisecond
	failed := make(chan error, 1)
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		write := func(content []byte) error {
			_ = control.SetWriteDeadline(time.Now().Add(patience))
			if _, err := w.Write(content); err != nil {
				return err
			}
			return control.Flush()
		}
		for range 3 {
			if err := write([]byte("event")); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * patience) // longer than a write may take
		}
		if r.URL.Path == "/dav/much" {
			failed <- write(make([]byte, 64<<20)) // more than the client, which does not read, has room for
		}
	})})
	client, address := overHTTP2(t, f)
	if _, text, _ := f.ask(t, client, address+"/dav/f", nil); text != "eventeventevent" {
		t.Errorf("%q", text)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/dav/much", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.signIn.AccessToken)
	answered, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answered.Body.Close()
	if err := <-failed; err == nil {
		t.Error("64 MiB were written to who reads nothing")
	}
}
