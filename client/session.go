package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/satchelhq/satchel/fault"
)

// Session is a sign-in that is kept in a file: tokens of its own, or an app password.
type Session struct {
	Server   string `json:"server"`
	Username string `json:"username"`

	AccessToken  string    `json:"access_token,omitempty"`
	RefreshToken string    `json:"refresh_token,omitempty"`
	Expires      time.Time `json:"expires,omitzero"` // of the access token

	AppPassword string `json:"app_password,omitempty"`
}

// SessionFile is where a session is kept, by all processes of a user.
type SessionFile struct{ Path string }

// Session reads the file. Unauthenticated if there is none.
func (f SessionFile) Session() (Session, error) {
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return Session{}, signedOut("You are not signed in: satchel login URL.")
	}
	if err != nil {
		return Session{}, fault.Wrap(err, "client.Session")
	}
	var s Session
	if err := json.Unmarshal(text, &s); err != nil || s.Server == "" {
		return Session{}, signedOut(fmt.Sprintf("%s holds no session: satchel login URL.", f.Path))
	}
	return s, nil
}

// Save writes the file, readable by its owner only. It is there as a whole or as it was before.
func (f SessionFile) Save(s Session) error { return fault.Wrap(f.save(s), "client.Save") }

func (f SessionFile) save(s Session) (err error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	folder := filepath.Dir(f.Path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	to, err := os.CreateTemp(folder, ".session-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to.Name()))
		}
	}()
	_, err = to.Write(append(text, '\n'))
	if err == nil {
		err = to.Sync() // a token that was used up and whose successor is lost ends the session
	}
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	return os.Rename(to.Name(), f.Path)
}

// Remove ends what is kept, not the session on the server.
func (f SessionFile) Remove() error {
	if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, "client.Remove")
	}
	return nil
}

// lockPatience is how long one process waits for another that renews the tokens. Its request has its own end.
const lockPatience = 2 * time.Minute

// locked runs fn while no other process changes the file.
func (f SessionFile) locked(ctx context.Context, fn func() error) (err error) {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		return fault.Wrap(err, "client.locked")
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	lock := flock.New(f.Path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fault.As(fault.Busy, "client.locked", fmt.Errorf("%s: %w", lock.Path(), err))
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return fn()
}

// WithSession makes a client that is signed in by a file. Unauthenticated if it holds nothing.
func WithSession(file SessionFile, o Options) (*Client, error) {
	s, err := file.Session()
	if err != nil {
		return nil, err
	}
	server, err := ParseServer(s.Server)
	if err != nil {
		return nil, err
	}
	if s.AppPassword != "" {
		return WithPassword(server, s.Username, s.AppPassword, o), nil
	}
	return newClient(server, &kept{file: file, s: s}, o), nil
}

// kept are the tokens in a file. The refresh token is used once, and using it twice ends the session for everyone: so whoever renews holds
// the file's lock, looks first whether another process has done it meanwhile, and writes the successor before letting go.
type kept struct {
	file SessionFile

	mu sync.Mutex
	s  Session
}

// renewBefore is how long before its end a token is renewed.
const renewBefore = time.Minute

func (k *kept) authorize(ctx context.Context, c *Client, r *http.Request) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Until(k.s.Expires) < renewBefore {
		if err := k.fresh(ctx, c, k.s.AccessToken); err != nil {
			return "", err
		}
	}
	r.Header.Set("Authorization", "Bearer "+k.s.AccessToken)
	return k.s.AccessToken, nil
}

func (k *kept) renew(ctx context.Context, c *Client, used string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.s.AccessToken != used {
		return true, nil // somebody else in this process has
	}
	if err := k.fresh(ctx, c, used); err != nil {
		return false, err
	}
	return true, nil
}

// fresh puts another access token in the place of stale.
func (k *kept) fresh(ctx context.Context, c *Client, stale string) error {
	return k.file.locked(ctx, func() error {
		now, err := k.file.Session()
		if err != nil {
			return err
		}
		if now.Server != k.s.Server || now.RefreshToken == "" || now.Username != k.s.Username {
			return signedOut("Somebody signed in differently meanwhile. Run the command again.")
		}
		if now.AccessToken != stale && time.Until(now.Expires) >= renewBefore {
			k.s = now // another process has
			return nil
		}
		renewed, err := c.refresh(ctx, now)
		if err != nil {
			return err
		}
		if err := k.file.Save(renewed); err != nil {
			return err
		}
		k.s = renewed
		return nil
	})
}

// refresh trades the refresh token for its successor. An answer that got lost may be asked for again at once: the server gives a
// used token 10 seconds.
func (c *Client) refresh(ctx context.Context, s Session) (Session, error) {
	// Begun, it is brought to its end: else the successor would be lost with an interrupted command.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), standstill)
	defer cancel()
	plain := *c
	plain.credentials = nobody{}
	var in signIn
	err := plain.call(ctx, http.MethodPost, "/api/v1/token/refresh", nil, map[string]string{"refresh_token": s.RefreshToken}, &in, true)
	if fault.Is(err, fault.Unauthenticated) {
		_, sentence, _ := fault.Public(err)
		return s, signedOut(fmt.Sprintf("Your sign-in at %s has ended: satchel login %s. (%s)", s.Server, s.Server, sentence))
	}
	if err != nil {
		return s, err
	}
	return in.session(c.server), nil
}

// signIn is the server's answer to signing in.
type signIn struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
	User         User   `json:"user"`
}

func (in signIn) session(server *url.URL) Session {
	return Session{
		Server: server.String(), Username: in.User.Username, AccessToken: in.AccessToken, RefreshToken: in.RefreshToken,
		Expires: time.Now().Add(time.Duration(min(in.ExpiresIn, 1<<30)) * time.Second),
	}
}
