package server

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// One PATCH of 24 hours, whose owner's app refreshes its token every few minutes meanwhile: nothing of that reaches it. Ending the session does.
func TestAnUploadOfADayOutlivesItsAccessToken(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		log := slog.New(slog.DiscardHandler)
		time0 := &clock{at: time.Now()}
		blobs := mem.New()
		drives := drive.New(db, blobs, drive.Options{Log: log})
		accounts := authn.New(db, authn.Options{CreateDrive: drives.Create, Log: log, Now: time0.now})
		html, err := pages.New(pages.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{Accounts: accounts, Drives: drives, DB: db, Blobs: blobs, Pages: html, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		site := httptest.NewServer(s.Public())
		defer site.Close()
		signIn, err := accounts.Register(t.Context(), authn.Registration{Username: "ann", Password: testPassword}, authn.Client{})
		if err != nil {
			t.Fatal(err)
		}

		send := func(method, address string, body io.Reader, header ...string) *http.Response {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, address, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Tus-Resumable", "1.0.0")
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return nil
			}
			answer.Body.Close()
			return answer
		}
		const pieces = 24
		begin := func(name string) (*io.PipeWriter, chan int) {
			made := send("POST", site.URL+"/files/", nil, "Upload-Length", fmt.Sprint(pieces*5), "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte(name)), "Authorization", "Bearer "+signIn.AccessToken)
			if made == nil || made.StatusCode != http.StatusCreated {
				t.Fatalf("%+v", made)
			}
			body, w := io.Pipe()
			ended := make(chan int, 1)
			token := "Bearer " + signIn.AccessToken
			go func() {
				answer := send("PATCH", made.Header.Get("Location"), body, "Content-Type", "application/offset+octet-stream", "Upload-Offset", "0", "Authorization", token)
				if answer != nil {
					ended <- answer.StatusCode
				}
				close(ended)
			}()
			for running, _ := s.watch.all(); len(running) == 0; running, _ = s.watch.all() {
				time.Sleep(time.Millisecond) // until the gate has let it in
			}
			return w, ended
		}
		beats := func(n int) { // of the watch
			for range n {
				s.watch.ask(s.watch.all())
			}
		}

		body, ended := begin("a day.bin")
		for range pieces {
			if _, err := io.WriteString(body, "piece"); err != nil {
				t.Fatal(err)
			}
			time0.advance(time.Hour)
			for range 3 {
				if signIn, err = accounts.Refresh(t.Context(), signIn.RefreshToken, authn.Client{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := accounts.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			beats(2)
		}
		body.Close()
		if status := <-ended; status != http.StatusNoContent {
			t.Errorf("it ended with %d", status)
		}

		body, ended = begin("cut.bin")
		defer body.Close()
		if _, err := io.WriteString(body, "piece"); err != nil {
			t.Fatal(err)
		}
		who, err := accounts.Bearer(t.Context(), signIn.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if err := accounts.Logout(t.Context(), who, authn.Client{}); err != nil {
			t.Fatal(err)
		}
		if status := <-ended; status != http.StatusUnauthorized {
			t.Errorf("after the sign-out it ended with %d", status)
		}
	})
}

// Whatever a request is waiting for when its session ends, it ends; and the request of another session beside it does not.
func TestAttackRequestsThatOutstayTheirSession(t *testing.T) {
	ended, release := make(chan string, 3), make(chan struct{})
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := r.URL.Path; name {
		case "/files/a body that never comes":
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				answer.Text(w, r, err)
			}
			ended <- name
		case "/files/a client that does not read":
			for piece := make([]byte, 64<<10); ; {
				if _, err := w.Write(piece); err != nil {
					break
				}
			}
			ended <- name
		case "/files/a door that waits":
			<-r.Context().Done()
			answer.Text(w, r, context.Cause(r.Context()))
			ended <- name
		case "/files/beside":
			select {
			case <-release:
			case <-r.Context().Done():
				w.WriteHeader(http.StatusTeapot)
			}
		}
	})})
	site := httptest.NewServer(f.Public())
	defer site.Close()
	send := func(method, name, header, value, more string) net.Conn {
		c, err := net.Dial("tcp", site.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := fmt.Fprintf(c, "%s /files/%s HTTP/1.1\r\nHost: x\r\n%s: %s\r\n%s\r\n", method, url.PathEscape(name), header, value, more); err != nil {
			t.Fatal(err)
		}
		return c
	}
	bearer := "Bearer " + f.signIn.AccessToken
	empty := send("POST", "a body that never comes", "Authorization", bearer, "Expect: 100-continue\r\nContent-Length: 10\r\n")
	send("GET", "a client that does not read", "Authorization", bearer, "")
	waiting := send("GET", "a door that waits", "Authorization", bearer, "")
	beside := send("GET", "beside", "Cookie", authn.CookieName+"="+f.page.Cookie, "")
	for running, _ := f.watch.all(); len(running) < 4; running, _ = f.watch.all() {
		time.Sleep(time.Millisecond)
	}
	who, err := f.accounts.Bearer(t.Context(), f.signIn.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.accounts.Logout(t.Context(), who, authn.Client{}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-ended
	}
	status := func(c net.Conn) int {
		t.Helper()
		r := bufio.NewReader(c)
		for {
			answer, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != http.StatusContinue {
				return answer.StatusCode
			}
		}
	}
	if got := status(empty); got != http.StatusUnauthorized {
		t.Errorf("the body that never came: %d", got)
	}
	if got := status(waiting); got != http.StatusUnauthorized {
		t.Errorf("the door that waited: %d", got)
	}
	close(release)
	if got := status(beside); got != http.StatusOK {
		t.Errorf("the request of another session: %d", got)
	}
}

// What a stranger puts into a name, a user agent or a forwarded address stands in the log as one value of one line, and in no header of the answer.
func TestLogAndHeaderInjectionAttack(t *testing.T) {
	f := newFront(t, frontOptions{level: slog.LevelDebug, origin: behindProxy()})
	const evil = "x\r\nSet-Cookie: satchel=evil\r\n{\"msg\":\"forged\"}"
	for what, prepare := range map[string]func(r *http.Request){
		"login": func(r *http.Request) { r.SetBasicAuth(evil, "wrong password") },
		"user agent": func(r *http.Request) {
			r.Header["User-Agent"] = []string{evil}
			r.SetBasicAuth(testUser, "wrong password")
		},
		"X-Forwarded-For": func(r *http.Request) { r.Header["X-Forwarded-For"] = []string{evil} },
		"request id":      func(r *http.Request) { r.Header["X-Request-Id"] = []string{evil} },
		"bearer":          func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + evil} },
	} {
		r := httptest.NewRequest("PROPFIND", "/dav/", nil)
		r.RemoteAddr = "10.0.0.1:1234"
		prepare(r)
		answer := f.do(r)
		for name, values := range answer.Header() {
			if strings.Contains(name+strings.Join(values, ""), "evil") {
				t.Errorf("%s: header %s: %q", what, name, values)
			}
		}
	}
	if forged := f.log.lines(t, "forged"); len(forged) != 0 {
		t.Errorf("forged lines: %v", forged)
	}
	addresses, err := sqldb.All(t.Context(), f.db, `SELECT address || user_agent || detail FROM audit WHERE address LIKE '%evil%' OR detail LIKE '%evil%'`, nil,
		func(scan sqldb.Scan) (s string, err error) { return s, scan(&s) })
	if err != nil || len(addresses) != 0 {
		t.Errorf("in the audit log: %q, %v", addresses, err)
	}
}
