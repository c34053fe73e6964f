package disk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// eachCall runs an upload again and again, each time with the next call going wrong, until none is left.
func eachCall(t *testing.T, then string, run func(p plan) (*machine, error)) {
	t.Helper()
	for at := 1; ; at++ {
		m, err := run(plan{at: at, then: then})
		if err != nil {
			t.Fatalf("call %d: %s: %v", at, then, err)
		}
		if m.calls < at {
			if at <= 10 {
				t.Fatalf("only %d calls: this tests nothing", at-1)
			}
			return
		}
	}
}

// eachClient runs a test with content sent in pieces that are acknowledged, and at once.
func eachClient(t *testing.T, run func(t *testing.T, c client)) {
	t.Run("InPieces", func(t *testing.T) { run(t, client{}) })
	t.Run("AtOnce", func(t *testing.T) { run(t, client{whole: true}) })
	t.Run("Joined", func(t *testing.T) { run(t, client{joins: true}) })
	t.Run("JoinedAndRefused", func(t *testing.T) { run(t, client{joins: true, refused: true}) })
}

// TestCallFails fails every file-system call in turn; for a sync the kernel then forgets the
// bytes. The power is cut when the client believes to be done.
func TestCallFails(t *testing.T) {
	eachClient(t, func(t *testing.T, c client) {
		eachCall(t, failing, func(p plan) (*machine, error) {
			m, c := newMachine(), c
			if err := c.live(m, p, Options{}); err != nil {
				return m, err
			}
			if !c.sealed {
				return m, errors.New("the second attempt did not get through")
			}
			calls := m.calls
			m.cut(0, leftovers["synced content"])
			s, err := start(m, plan{}, Options{})
			if err == nil {
				err = c.check(s)
			}
			m.calls = calls
			return m, err
		})
	})
}

// TestKill kills the process before, in and after every call. The page cache lives on.
func TestKill(t *testing.T) {
	for _, o := range []Options{{}, {Relaxed: true}} {
		for _, then := range []string{dieBefore, dieHalfway, dieAfter} {
			t.Run(fmt.Sprintf("relaxed=%v/%s", o.Relaxed, then), func(t *testing.T) {
				eachClient(t, func(t *testing.T, c client) {
					eachCall(t, then, func(p plan) (*machine, error) {
						m, c := newMachine(), c
						if err := c.live(m, p, o); err != nil {
							return m, err
						}
						calls := m.calls
						err := c.finish(m, o)
						m.calls = calls
						return m, err
					})
				})
			})
		}
	}
}

// TestPowerCut cuts the power before, in and after every call, with everything that may be left then.
func TestPowerCut(t *testing.T) {
	for _, then := range []string{dieBefore, dieHalfway, dieAfter} {
		for left, keep := range leftovers {
			t.Run(then+"/"+left, func(t *testing.T) {
				eachClient(t, func(t *testing.T, c client) {
					eachCall(t, then, func(p plan) (*machine, error) {
						return cutAtEveryLength(c, p, keep)
					})
				})
			})
		}
	}
}

// cutAtEveryLength lets none, one, two, … and all of the waiting changes of names survive.
func cutAtEveryLength(fresh client, p plan, keep func(*inode) []byte) (*machine, error) {
	for journaled := 0; ; journaled++ {
		m, c := newMachine(), fresh
		if err := c.live(m, p, Options{}); err != nil {
			return m, err
		}
		calls, waiting := m.calls, len(m.queue)
		m.cut(min(journaled, waiting), keep)
		err := c.finish(m, Options{})
		m.calls = calls
		if err != nil {
			return m, fmt.Errorf("%d of %d changes of names survived: %w", journaled, waiting, err)
		}
		if journaled >= waiting {
			return m, nil
		}
	}
}

// TestKillThenPowerCut kills a process at every call and cuts the power at every call of the
// next one, which finds names that nobody has synced.
func TestKillThenPowerCut(t *testing.T) {
	for left, keep := range leftovers {
		t.Run(left, func(t *testing.T) {
			eachClient(t, func(t *testing.T, c client) { killThenCut(t, c, keep) })
		})
	}
}

func killThenCut(t *testing.T, c client, keep func(*inode) []byte) {
	eachCall(t, dieAfter, func(first plan) (*machine, error) {
		for at := 1; ; at++ {
			m, c := newMachine(), c
			if err := c.live(m, first, Options{}); err != nil {
				return m, err
			}
			calls := m.calls
			if err := c.live(m, plan{at: at, then: dieAfter}, Options{}); err != nil {
				return m, err
			}
			done := m.calls < at
			m.cut(0, keep)
			err := c.finish(m, Options{})
			m.calls = calls
			if err != nil {
				return m, fmt.Errorf("power cut at call %d: %w", at, err)
			}
			if done {
				return m, nil
			}
		}
	})
}

// TestPowerCutAfterSync cuts the power after short stories whose end was acknowledged by a strict store.
func TestPowerCutAfterSync(t *testing.T) {
	type step func(t *testing.T, s *Store)
	begin := func(t *testing.T, s *Store) {
		must(s.Stage(t.Context(), cutKey))
	}
	write := func(offset, end int64) step {
		return func(t *testing.T, s *Store) {
			g := must(s.Resume(t.Context(), cutKey, offset))
			_, err := g.Write([]byte(content[offset:end]))
			if err := errors.Join(err, g.Sync(), g.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	appendAfterSync := func(t *testing.T, s *Store) {
		part, g := must(s.Stage(t.Context(), restKey)), must(s.Resume(t.Context(), cutKey, 3))
		_, err := part.Write([]byte(content[3:]))
		if err := errors.Join(err, part.Close(), g.Sync(), g.Append(t.Context(), restKey, 9), g.Seal(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	seal := func(t *testing.T, s *Store) {
		if err := must(s.Resume(t.Context(), cutKey, 12)).Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name            string
		relaxed, strict []step // a relaxed process goes first
		want            client
	}{
		{"BegunAndResumed", nil, []step{begin, write(0, 3)}, client{acked: 3}},
		{"BegunRelaxed", []step{begin}, []step{write(0, 3)}, client{acked: 3}},
		{"SyncedAndAppendedTo", nil, []step{begin, write(0, 3), appendAfterSync}, client{sealed: true}},
		{"WrittenRelaxed", []step{begin, write(0, 3)}, []step{write(3, 6)}, client{acked: 6}},
		{"CompleteRelaxed", []step{begin, write(0, 12)}, []step{seal}, client{sealed: true}},
		{"SealedRelaxed", []step{begin, write(0, 12), seal}, []step{seal}, client{sealed: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine()
			for _, process := range []struct {
				o     Options
				steps []step
			}{{Options{Relaxed: true}, c.relaxed}, {Options{}, c.strict}} {
				s := must(start(m, plan{}, process.o))
				for _, step := range process.steps {
					step(t, s)
				}
			}
			m.cut(0, leftovers["synced content"])
			if err := c.want.check(must(start(m, plan{}, Options{}))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRelaxedNeverSyncs also pins what relaxed means: no sync, not even of a folder.
func TestRelaxedNeverSyncs(t *testing.T) {
	m := &counting{machine: newMachine()}
	s, err := open("/", Options{Relaxed: true}, m)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Stage(t.Context(), "k1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Write([]byte(strings.Repeat("x", 2*writeBackEvery))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Sync(), g.Seal(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := m.names["/blob/k1/k1"]; m.syncs != 0 || n == nil || len(n.disk) != 0 {
		t.Errorf("%d folders were synced", m.syncs)
	}
}

type counting struct {
	*machine
	syncs int
}

func (c *counting) SyncDir(name string) error {
	c.syncs++
	return c.machine.SyncDir(name)
}
