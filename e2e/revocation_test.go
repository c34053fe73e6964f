package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// revocationTries is how often each door is measured, and revocationBound what the slowest of a hundred may take.
const (
	revocationTries = 200
	revocationBound = time.Second
)

// sessionID is the sid of an account's access token.
func (a *Account) sessionID(t testing.TB) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(a.Token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sid string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Sid
}

// at is the account at another node.
func (a *Account) at(s *Server) *Account {
	there := *a
	there.s = s
	return &there
}

// running is a request whose body goes on until the server ends it.
type running struct {
	body  *io.PipeWriter
	ended chan cutAnswer
}

type cutAnswer struct {
	status int // 0: the connection was cut
	at     time.Time
}

// begin sends a request with a body of which the first bytes are asked for: who sends it has been let in by then.
func begin(t testing.TB, client *http.Client, method, address string, header http.Header) running {
	t.Helper()
	return beginWith(t, client, method, address, header, []byte("the first bytes "))
}

// beginWith is begin with the first bytes.
func beginWith(t testing.TB, client *http.Client, method, address string, header http.Header, first []byte) running {
	t.Helper()
	r, w := io.Pipe()
	wanted := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: sync.OnceFunc(func() { close(wanted) })})
	request, err := http.NewRequestWithContext(ctx, method, address, r)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len(first)) + 1<<19
	request.Header = header
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Expect", "100-continue") // the server says so when it reads the body (RFC 9110, section 10.1.1)
	run := running{w, make(chan cutAnswer, 1)}
	go func() {
		answer, err := client.Do(request)
		end := cutAnswer{at: time.Now()}
		if err == nil {
			end.status = answer.StatusCode
			answer.Body.Close()
		}
		run.ended <- end
	}()
	select {
	case <-wanted:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s %s: the body is not read", method, address)
	}
	go func() { _, _ = w.Write(first) }() // until the request ends
	return run
}

// upload makes an upload of 1 MiB and answers its address.
func (a *Account) upload(t testing.TB, name string) string {
	t.Helper()
	answer := send(t, a.Bearer, http.MethodPost, a.s.URL+"/files/", headers(map[string]string{
		"Tus-Resumable": "1.0.0", "Upload-Length": fmt.Sprint(1 << 20), "Upload-Metadata": "filename " + base64Of(name)}), nil)
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("an upload: %s %s", answer.Status, answer.text)
	}
	return answer.Header.Get("Location")
}

func patchHeader() http.Header {
	return headers(map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": octets, "Upload-Offset": "0"})
}

// Two nodes on one Postgres: what is revoked on one is refused on the other in under a second, and what runs there is cut.
func TestRevocationReachesTheOtherNode(t *testing.T) {
	here := startOn(t, sqldbtest.PostgresURL(t))
	there := here.another(t)

	took := map[string][]time.Duration{}
	var mu sync.Mutex
	const users = 8 // at the same time
	var group sync.WaitGroup
	for i := range users {
		owner := here.Register(t, fmt.Sprintf("user%d", i))
		group.Go(func() {
			for n := i; n < revocationTries; n += users {
				one := revokeOnce(t, here, there, owner)
				mu.Lock()
				for door, d := range one {
					took[door] = append(took[door], d)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for door, all := range took {
		slices.Sort(all)
		p99 := all[len(all)*99/100-1]
		t.Logf("%s: %d tries, median %s, p99 %s, slowest %s", door, len(all), all[len(all)/2], p99, all[len(all)-1])
		if len(all) != revocationTries || p99 >= revocationBound {
			t.Errorf("%s: p99 of %d is %s", door, len(all), p99)
		}
	}
}

// revokeOnce signs in, uses the session at the other node, ends it here, and answers how long each door there let it in.
func revokeOnce(t *testing.T, here, there *Server, owner *Account) map[string]time.Duration {
	thief := here.Login(t, owner.Name).at(there)
	patch := begin(t, thief.Bearer, http.MethodPatch, thief.upload(t, "x.bin"), patchHeader())
	defer patch.body.Close()
	doors := map[string]func() (int, error){
		"API":    func() (int, error) { return status(thief.Bearer, http.MethodGet, there.URL+"/api/v1/me") },
		"WebDAV": func() (int, error) { return status(thief.Bearer, "PROPFIND", there.URL+"/dav/") },
	}
	for door, try := range doors {
		if got, err := try(); err != nil || got >= 300 {
			t.Errorf("%s before: %d, %v", door, got, err)
		}
	}
	answer := send(t, owner.Bearer, http.MethodDelete, here.URL+"/api/v1/sessions/"+thief.sessionID(t), nil, nil)
	revoked := time.Now()
	if answer.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %s", answer.Status)
	}
	took := map[string]time.Duration{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for door, try := range doors {
		group.Go(func() {
			for time.Since(revoked) < 10*time.Second {
				if got, err := try(); err == nil && got == http.StatusUnauthorized {
					mu.Lock()
					took[door] = time.Since(revoked)
					mu.Unlock()
					return
				}
			}
			t.Errorf("%s still lets it in", door)
		})
	}
	group.Go(func() {
		select {
		case end := <-patch.ended:
			if end.status != http.StatusUnauthorized {
				t.Errorf("the PATCH ended with %d", end.status)
			}
			mu.Lock()
			took["PATCH"] = end.at.Sub(revoked)
			mu.Unlock()
		case <-time.After(10 * time.Second):
			t.Error("the PATCH goes on")
		}
	})
	group.Wait()
	return took
}

func status(client *http.Client, method, address string) (int, error) {
	request, err := http.NewRequest(method, address, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Depth", "0")
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, nil
}

// Everything that is under way ends with what it came with: each row begins a request, and says how.
func TestWhatIsUnderWayIsCut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Server) {
		s.Register(t, "bob")
		ann := s.Register(t, "ann")
		ann.Put(t, "large.bin", strings.Repeat("0123456789abcdef", 4<<20)) // more than the sockets hold
		endSession := func(t *testing.T, a *Account) {
			if answer := send(t, ann.Bearer, http.MethodDelete, s.URL+"/api/v1/sessions/"+a.sessionID(t), nil, nil); answer.StatusCode != http.StatusNoContent {
				t.Fatal(answer.Status)
			}
		}
		newPassword := func(t *testing.T, _ *Account) {
			const other = "another-password"
			for _, change := range [][2]string{{password, other}, {other, password}} {
				answer := send(t, ann.Bearer, http.MethodPost, s.URL+"/api/v1/me/password", headers(map[string]string{"Content-Type": jsonType}),
					strings.NewReader(fmt.Sprintf(`{"password": %q, "new_password": %q}`, change[0], change[1])))
				if answer.StatusCode != http.StatusNoContent {
					t.Fatal(answer.Status, answer.text)
				}
			}
		}
		for _, c := range []struct {
			name   string
			client func(a *Account) *http.Client
			begin  func(t *testing.T, a *Account, client *http.Client) running
			revoke func(t *testing.T, a *Account)
		}{
			{"tus PATCH by token", bearerOf, func(t *testing.T, a *Account, client *http.Client) running {
				return begin(t, client, http.MethodPatch, a.upload(t, "a.bin"), patchHeader())
			}, endSession},
			{"tus PATCH by password", basicOf, func(t *testing.T, a *Account, client *http.Client) running {
				return begin(t, client, http.MethodPatch, a.upload(t, "b.bin"), patchHeader())
			}, newPassword},
			{"draft POST by token", bearerOf, func(t *testing.T, _ *Account, client *http.Client) running {
				return begin(t, client, http.MethodPost, s.URL+"/files/", headers(map[string]string{"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1", "Content-Disposition": `attachment; filename="c.bin"`}))
			}, endSession},
			{"WebDAV PUT by token", bearerOf, func(t *testing.T, _ *Account, client *http.Client) running {
				return begin(t, client, http.MethodPut, s.URL+"/dav/d.bin", nil)
			}, endSession},
			{"WebDAV PUT by password", basicOf, func(t *testing.T, _ *Account, client *http.Client) running {
				return begin(t, client, http.MethodPut, s.URL+"/dav/e.bin", nil)
			}, newPassword},
			{"an API call", bearerOf, func(t *testing.T, _ *Account, client *http.Client) running {
				return begin(t, client, http.MethodPost, s.URL+"/api/v1/folders", headers(map[string]string{"Content-Type": jsonType}))
			}, endSession},
		} {
			t.Run(c.name, func(t *testing.T) {
				a := s.Login(t, "ann")
				run := c.begin(t, a, c.client(a))
				defer run.body.Close()
				c.revoke(t, a)
				select {
				case end := <-run.ended:
					if end.status != http.StatusUnauthorized {
						t.Errorf("it ended with %d", end.status)
					}
				case <-time.After(10 * time.Second):
					t.Error("it goes on")
				}
			})
		}
		t.Run("a download", func(t *testing.T) {
			a := s.Login(t, "ann")
			answer, err := a.Bearer.Get(s.URL + "/dav/large.bin")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if _, err := io.ReadFull(answer.Body, make([]byte, 1<<10)); err != nil {
				t.Fatal(err)
			}
			endSession(t, a)
			time.Sleep(time.Second) // the bound
			n, err := io.Copy(io.Discard, answer.Body)
			if err == nil {
				t.Errorf("all of it was sent: %d bytes more", n)
			}
		})
		t.Run("what was acknowledged stays", func(t *testing.T) {
			a := s.Login(t, "ann")
			address := a.upload(t, "kept.bin")
			const acknowledged = "an answered PATCH"
			if answer := send(t, a.Bearer, http.MethodPatch, address, patchHeader(), strings.NewReader(acknowledged)); answer.StatusCode != http.StatusNoContent {
				t.Fatalf("a PATCH: %s %s", answer.Status, answer.text)
			}
			more := patchHeader()
			more.Set("Upload-Offset", fmt.Sprint(len(acknowledged)))
			run := begin(t, a.Bearer, http.MethodPatch, address, more)
			defer run.body.Close()
			endSession(t, a)
			if end := <-run.ended; end.status != http.StatusUnauthorized {
				t.Errorf("it ended with %d", end.status)
			}
			again := s.Login(t, "ann")
			answer := send(t, again.Bearer, http.MethodHead, address, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
			// Of the PATCH that was cut nothing was answered: its bytes may have been on their way still.
			if got := answer.Header.Get("Upload-Offset"); got != fmt.Sprint(len(acknowledged)) && got != fmt.Sprint(len(acknowledged)+len("the first bytes ")) {
				t.Errorf("the upload is at %q", got)
			}
		})
		if got, err := status(s.Login(t, "bob").Bearer, http.MethodGet, s.URL+"/api/v1/me"); err != nil || got != http.StatusOK {
			t.Errorf("another account: %d, %v", got, err)
		}
	})
}

func bearerOf(a *Account) *http.Client { return a.Bearer }
func basicOf(a *Account) *http.Client  { return a.Basic }
