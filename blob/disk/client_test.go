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
	restKey blob.Key = "powercutrest"
	content string   = "abcdefghijkl"
	half             = 6 // where a client that joins begins with the rest
)

// client is who uploads content, through as many processes as it takes. It knows only what it
// was answered.
type client struct {
	acked  int64 // an offset that Sync answered for
	sealed bool  // Seal has answered nil
	whole  bool  // it sends everything at once and seals it without a Sync, as a PUT does

	joins     bool // it sends two stages, and makes one of them by appending the second to the first
	restAcked bool // Sync has answered for the second
	refused   bool // what it sealed first comes to nothing: it takes the first stage back, and joins anew
}

// upload goes on from where the client is until the content is sealed, or a call fails.
func (c *client) upload(s *Store) (err error) {
	if c.sealed {
		return nil
	}
	if c.joins {
		if err := c.rest(s); err != nil {
			return err
		}
	}
	for c.acked < c.first() && !c.whole {
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
	if c.joins {
		if err := g.Append(context.Background(), restKey, int64(len(content))-half); err != nil {
			return err
		}
	}
	if err := g.Seal(context.Background()); err != nil {
		return err
	}
	if c.refused {
		c.refused = false
		return c.again(s)
	}
	c.sealed = true
	return nil
}

// first is how long the stage is that the client sends in pieces.
func (c *client) first() int64 {
	if c.joins {
		return half
	}
	return int64(len(content))
}

// rest sends the second stage of a client that joins.
func (c *client) rest(s *Store) (err error) {
	if c.restAcked {
		return nil
	}
	if err := s.Remove(context.Background(), restKey); err != nil {
		return err
	}
	g, err := s.Stage(context.Background(), restKey)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	if _, err := g.Write([]byte(content[half:])); err != nil {
		return err
	}
	if err := g.Sync(); err != nil {
		return err
	}
	c.restAcked = true
	return nil
}

// again takes the first stage back as it was before it was joined, and joins it once more.
func (c *client) again(s *Store) error {
	g, err := c.open(s)
	if err != nil {
		return err
	}
	if err := g.Close(); err != nil {
		return err
	}
	if b, err := s.Open(context.Background(), cutKey); err == nil {
		return errors.Join(errors.New("what was unsealed is a blob"), b.Close())
	}
	return c.upload(s)
}

// piece sends three bytes, one that is taken back and one that nobody is told of.
func (c *client) piece(s *Store) (err error) {
	g, err := c.open(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	next := min(c.acked+3, c.first())
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
	if c.joins && c.acked == half { // it may be sealed, and nobody knows of it
		if err := s.Unseal(context.Background(), cutKey); err != nil {
			if errors.Is(err, blob.ErrNotFound) {
				err = fmt.Errorf("%w: unseal: %w", errLost, err)
			}
			return nil, err
		}
	}
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
	if c.restAcked {
		b, err := s.OpenStage(context.Background(), restKey, int64(len(content))-half)
		if err != nil {
			return fmt.Errorf("%w: open the second stage: %w", errLost, err)
		}
		if err := same(b, content[half:]); err != nil {
			return err
		}
	}
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
