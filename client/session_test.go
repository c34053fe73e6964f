package client

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// issuer gives out tokens, each refresh token once.
type issuer struct {
	mu      sync.Mutex
	serial  int
	reused  int
	expired bool // no access token is good
	lose    int  // answers to refreshes that get lost
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.URL.Path != "/api/v1/token/refresh" {
		if i.expired || r.Header.Get("Authorization") != "Bearer "+i.access() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answerJSON(w, Me{User: User{Username: "ann"}})
		return
	}
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // what cannot be read is no token
	if in.RefreshToken != i.refresh() {
		i.reused++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if i.lose > 0 {
		i.lose--
		panic(http.ErrAbortHandler)
	}
	i.serial++
	answerJSON(w, signIn{AccessToken: i.access(), RefreshToken: i.refresh(), ExpiresIn: 900, User: User{Username: "ann"}})
}

func (i *issuer) access() string  { return "access" + string(rune('a'+i.serial)) }
func (i *issuer) refresh() string { return "refresh" + string(rune('a'+i.serial)) }

// signedIn is a file with the first tokens, the access token of which ends at a time.
func signedIn(t *testing.T, i *issuer, expires time.Time) (SessionFile, *Client) {
	t.Helper()
	c := against(t, i)
	file := SessionFile{filepath.Join(t.TempDir(), "deep", "session.json")}
	if err := file.Save(Session{Server: c.Server(), Username: "ann", AccessToken: i.access(), RefreshToken: i.refresh(), Expires: expires}); err != nil {
		t.Fatal(err)
	}
	return file, c
}

func TestSessionIsRenewed(t *testing.T) {
	for name, test := range map[string]struct {
		expires time.Duration
		lose    int // answers to refreshes
		serial  int
	}{
		"while it lives, not at all":           {time.Hour, 0, 0},
		"before it ends":                       {30 * time.Second, 0, 1},
		"after it ended":                       {-time.Hour, 0, 1},
		"though the first answer got lost":     {-time.Hour, 1, 1},
		"by many at once, of whom one asks it": {-time.Hour, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			i := &issuer{lose: test.lose}
			file, _ := signedIn(t, i, time.Now().Add(test.expires))
			var all sync.WaitGroup
			for range 4 { // processes
				c, err := WithSession(file, Options{Patience: 10 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				for range 4 { // files at once
					all.Go(func() {
						if _, err := c.Me(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
			all.Wait()
			s, err := file.Session()
			if err != nil || i.reused != 0 || i.serial != test.serial || s.RefreshToken != i.refresh() {
				t.Errorf("%d renewals and %d uses of a used token, and kept is %+v, %v", i.serial, i.reused, s, err)
			}
		})
	}
}

// A session that has ended asks to sign in, and says so once, whatever is tried.
func TestSessionHasEnded(t *testing.T) {
	i := &issuer{}
	file, _ := signedIn(t, i, time.Now().Add(time.Hour))
	i.expired = true
	c, err := WithSession(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); !fault.Is(err, fault.Unauthenticated) || i.serial != 1 {
		t.Errorf("a token that the server does not take: %v after %d renewals", err, i.serial)
	}
	i.serial = 5 // somebody has ended it
	if _, err := c.Me(t.Context()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a refresh token that the server does not take: %v", err)
	}
	if err := file.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := WithSession(file, Options{}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("without a file: %v", err)
	}
}

func TestSessionFileIsPrivate(t *testing.T) {
	file, _ := signedIn(t, &issuer{}, time.Now())
	info, err := os.Stat(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(file.Path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside it are %v, %v", entries, err)
	}
	if err := os.WriteFile(file.Path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Session(); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("half a file: %v", err)
	}
}
