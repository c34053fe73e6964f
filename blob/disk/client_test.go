package disk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/satchelhq/satchel/blob"
)

const (
	cutKey  blob.Key = "powercut"
	content string   = "abcdefghijkl"
)

// client is who uploads content, through as many processes as it takes. It knows only what it
// was answered.
type client struct {
	acked  int64 // an offset that Sync answered for
	sealed bool  // Seal has answered nil
	whole  bool  // it sends everything at once and seals it without a Sync, as a PUT does
}

// upload goes on from where the client is until the content is sealed, or a call fails.
func (c *client) upload(s *Store) (err error) {
	if c.sealed {
		return nil
	}
	for c.acked < int64(len(content)) && !c.whole {
		if err := c.piece(s); err != nil {
			return err
		}
	}
	if c.whole {
		if err := s.Remove(context.Background(), cutKey); err != nil { // what the last attempt left
			return err
		}
	}
	g, err := c.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	if c.whole {
		if _, err := g.Write([]byte(content)); err != nil {
			return err
		}
	}
	if err := g.Seal(context.Background()); err != nil {
		return err
	}
	c.sealed = true
	return nil
}

// piece sends three bytes, one that is taken back and one that nobody is told of.
func (c *client) piece(s *Store) (err error) {
	g, err := c.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	next := min(c.acked+3, int64(len(content)))
	if _, err := g.Write([]byte(content[c.acked:next])); err != nil {
		if g.Sync() == nil { // as one may, to keep what came through
			c.acked = g.Offset()
		}
		return err
	}
	if _, err := g.Write([]byte("!?")); err != nil {
		return err
	}
	if err := g.Cut(next); err != nil {
		return err
	}
	if err := g.Sync(); err != nil {
		if again := g.Sync(); again == nil {
			return errors.New("a second Sync answered nil after the first had failed")
		}
		return err
	}
	c.acked = next
	_, err = g.Write([]byte("?"))
	return err
}

// errLost is what must never happen.
var errLost = errors.New("what was acknowledged is lost")

func (c *client) open(s *Store) (blob.Stage, error) {
	g, err := s.Resume(context.Background(), cutKey, c.acked)
	if c.acked == 0 && errors.Is(err, blob.ErrNotFound) {
		return s.Stage(context.Background(), cutKey)
	}
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrShort) {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	return g, err
}

// check looks at what is there against what the client was answered.
func (c *client) check(s *Store) error {
	b, err := s.Open(context.Background(), cutKey)
	if err == nil {
		if _, err := s.OpenStage(context.Background(), cutKey, 0); c.sealed && !errors.Is(err, blob.ErrNotFound) {
			return errors.Join(b.Close(), fmt.Errorf("what was sealed is a stage as well: %w", err))
		}
		return same(b, content)
	}
	if !errors.Is(err, blob.ErrNotFound) || c.sealed {
		return fmt.Errorf("%w: open: %w", errLost, err)
	}
	if c.acked == 0 {
		return nil
	}
	b, err = s.OpenStage(context.Background(), cutKey, c.acked)
	if err != nil {
		return fmt.Errorf("%w: open stage: %w", errLost, err)
	}
	return same(b, content[:c.acked])
}

func same(b blob.Content, want string) error {
	got, err := io.ReadAll(b)
	if err == nil && string(got) != want {
		err = fmt.Errorf("%w: %q is read, want %q", errLost, got, want)
	}
	return errors.Join(err, b.Close())
}

// start opens the store in a new process, with write-back at every other byte.
func start(m *machine, p plan, o Options) (*Store, error) {
	m.restart(p)
	s, err := open("/", o, m)
	if err != nil {
		return nil, err
	}
	s.writeBack = 2
	return s, nil
}

// live is one process: it uploads until it is done, is killed, or a call fails. In the
// last case it tries once more, as a client does.
func (c *client) live(m *machine, p plan, o Options) error {
	s, err := start(m, p, o)
	if err == nil {
		err = c.upload(s)
	}
	if errors.Is(err, errDisk) {
		if s == nil {
			s, err = start(m, plan{}, o)
		}
		if s != nil {
			err = errors.Join(c.check(s), c.upload(s))
		}
	}
	if errors.Is(err, errDead) && !errors.Is(err, errLost) {
		return nil
	}
	return err
}

// finish is a process in which nothing goes wrong. The content must be whole after it, and
// after yet another power cut, which takes everything that was not synced.
func (c *client) finish(m *machine, o Options) error {
	s, err := start(m, plan{}, o)
	if err != nil {
		return err
	}
	if err := errors.Join(c.check(s), c.upload(s), c.check(s)); err != nil {
		return err
	}
	if o.Relaxed {
		return nil
	}
	m.cut(0, leftovers["synced content"])
	if s, err = start(m, plan{}, o); err != nil {
		return err
	}
	return c.check(s)
}

// must is for steps that are not what a test is about.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
