package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// deadlines notes what is set on a connection, as times from now on; 0 is none.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Duration
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	if at.IsZero() {
		d.set = append(d.set, 0)
	} else {
		d.set = append(d.set, time.Until(at).Round(time.Second))
	}
	return nil
}

// pieces is a body that comes a piece at a time, and ends with err.
type pieces struct {
	left []string
	err  error
	each func()
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, p.err
	}
	if p.each != nil {
		p.each()
	}
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

func (p *pieces) Close() error { return nil }

// However long a body takes: while it moves, each next byte gets the whole time again.
func TestABodyThatMovesIsNeverCut(t *testing.T) {
	const patience = time.Minute
	for _, c := range []struct {
		name string
		do   func(x *exchange)
		from *pieces
		want []time.Duration // set on the connection
		err  error
	}{
		{"a slow body", func(x *exchange) { x.body.pace(patience) }, &pieces{left: []string{"a", "b", "c"}, err: io.EOF},
			[]time.Duration{patience, patience, patience, patience, 0}, nil},
		{"a body that stands still", func(x *exchange) { x.body.pace(patience) }, &pieces{left: []string{"a"}, err: os.ErrDeadlineExceeded},
			[]time.Duration{patience, patience}, fault.New(fault.Timeout, "", "")},
		{"a stranger's, whose time is bounded as a whole", func(*exchange) {}, &pieces{left: []string{"a", "b"}, err: io.EOF},
			nil, nil},
		{"a stranger's, too late", func(*exchange) {}, &pieces{err: os.ErrDeadlineExceeded}, nil, fault.New(fault.Timeout, "", "")},
		{"one whose door sets its own deadlines", func(x *exchange) {
			x.body.pace(patience)
			_ = http.NewResponseController(x).SetReadDeadline(time.Now().Add(time.Hour))
		}, &pieces{left: []string{"a", "b"}, err: io.EOF}, []time.Duration{time.Hour}, nil},
		{"and lets it end", func(x *exchange) {
			x.body.pace(patience)
			_ = http.NewResponseController(x).SetReadDeadline(time.Now())
		}, &pieces{err: os.ErrDeadlineExceeded}, []time.Duration{0}, os.ErrDeadlineExceeded},
		{"one that breaks off", func(x *exchange) { x.body.pace(patience) }, &pieces{err: io.ErrUnexpectedEOF}, []time.Duration{patience}, io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			x := &exchange{ResponseWriter: connection}
			x.body = &body{ReadCloser: c.from, x: x}
			c.from.each = func() { x.body.armed = time.Time{} } // as if it had taken its time
			sent := strings.Join(c.from.left, "")
			c.do(x)
			got, err := io.ReadAll(x.body)
			if string(got) != sent || x.received() != int64(len(sent)) {
				t.Errorf("read %q and counted %d, want %q", got, x.received(), sent)
			}
			if fault.KindOf(err) != fault.KindOf(c.err) || c.err != nil && fault.KindOf(c.err) == fault.Internal && !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("it ends with %v, want %v", err, c.err)
			}
			if !slices.Equal(connection.set, c.want) {
				t.Errorf("deadlines %v, want %v", connection.set, c.want)
			}
			if closed := connection.Header().Get("Connection") == "close"; closed != fault.Is(err, fault.Timeout) {
				t.Errorf("the connection is to be closed: %v", closed)
			}
		})
	}
}

// A body that stands still holds neither its connection nor what the door holds for it.
func TestABodyThatStandsStillIsCut(t *testing.T) {
	f := newFront(t, frontOptions{behind: answer.Handle(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	}, answer.Error)})
	f.bodyPatience = 50 * time.Millisecond
	srv := httptest.NewServer(f.Public())
	defer srv.Close()
	for _, path := range []string{"/dav/f", "/api/v1/folders", "/drive/"} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\nhalf.", path, f.signIn.AccessToken)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusRequestTimeout || !response.Close || !strings.Contains(string(body), "body_stalled") {
			t.Errorf("%s: %d, closed %v, %s (%v)", path, response.StatusCode, response.Close, body, err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: the connection is still open: %v", path, err)
		}
		conn.Close()
	}
	if err := f.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(f.metrics.received.WithLabelValues("dav")); got != 5 {
		t.Errorf("counted %v bytes received at the dav door, want 5", got)
	}
}

// A connection goes on to its next request behind a body that was read.
func TestABodysDeadlineEndsWithIt(t *testing.T) {
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		select { // longer than the body had: the deadline must not be taken for the client's leaving
		case <-r.Context().Done():
			t.Error("the context ended under the door")
		case <-time.After(100 * time.Millisecond):
		}
		_, _ = w.Write(got)
	})})
	f.bodyPatience = 50 * time.Millisecond
	srv := httptest.NewServer(f.Public())
	defer srv.Close()
	for range 3 {
		r, err := http.NewRequest(http.MethodPut, srv.URL+"/dav/f", strings.NewReader("whole"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+f.signIn.AccessToken)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(got) != "whole" || response.Close {
			t.Errorf("%q, closed %v, %v", got, response.Close, err)
		}
	}
}
