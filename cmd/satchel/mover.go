package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// mover moves files, some at once, and keeps count.
type mover struct {
	c    *client.Client
	jobs *errgroup.Group
	ctx  context.Context // ends when going on makes no sense, for any file
	look display
	n    int  // files at once
	once bool // what it moves cannot be moved again by the same command

	last func(ctx context.Context) error // what is done when all went well; may be nil

	mu    sync.Mutex
	sum   summary
	first error // of a file
}

// summary is what became of all files.
type summary struct {
	Moved int `json:"sent"`
	Same  int `json:"same"`  // were there already
	Known int `json:"known"` // the server had their content
	Left  int `json:"left_out"`
	Would int `json:"would_send,omitempty"`
	// Trashed were there and not here.
	Trashed int   `json:"trashed,omitempty"`
	Failed  int   `json:"failed"`
	Bytes   int64 `json:"bytes"` // that were moved
}

// transferFlags are the flags of commands that move files.
func (a *atPrompt) transferFlags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&a.patience, "patience", 2*time.Minute, "how long to try again while the server is away and nothing gets on")
	a.jsonFlag(cmd)
}

// transfer runs a command that moves files, at most n at once.
func (a *atPrompt) transfer(cmd *cobra.Command, n int, start func(ctx context.Context, c *client.Client, m *mover) error) (err error) {
	if a.patience < 0 {
		return usagef("--patience %s: want 0s or more", a.patience)
	}
	c, err := a.connect(a.patience)
	if err != nil {
		return err
	}
	defer c.Close()
	begun := time.Now()
	m := &mover{c: c, look: a.display(), n: client.Jobs(n)}
	m.jobs, m.ctx = errgroup.WithContext(cmd.Context())
	m.jobs.SetLimit(m.n)
	err = start(m.ctx, c, m)
	if waiting := m.jobs.Wait(); waiting != nil {
		err = waiting // what made the rest end
	}
	kept := m.last != nil && m.sum.Failed > 0
	if err == nil && m.last != nil && !kept && cmd.Context().Err() == nil {
		err = m.last(cmd.Context())
	}
	m.look.end(m.sum, time.Since(begun))
	if kept {
		fmt.Fprintln(a.stderr, "satchel: not all can be sent, so nothing goes to the trash")
	}
	if cmd.Context().Err() != nil {
		err = cmd.Context().Err()
	} else {
		err = m.verdict(err)
	}
	if interrupted := errors.Is(err, context.Canceled); interrupted || client.Away(err) && m.sum.Failed > 0 {
		again := "the same command goes on from here"
		if m.once {
			again = "the input cannot be gone on with: run the whole line again"
		}
		fmt.Fprintf(a.stderr, "satchel: stopped; %s\n", again)
		err = errOne{err}
	}
	return err
}

// verdict is what the command ends with.
func (m *mover) verdict(err error) error {
	switch {
	case err != nil:
		return err
	case m.sum.Failed == 0:
		return nil
	case m.sum.Failed == 1 && m.sum.Moved+m.sum.Same+m.sum.Known+m.sum.Trashed == 0:
		return errOne{m.first}
	}
	return errSome
}

// errOne is the end of a command that was told already: its only file failed, say.
type errOne struct{ error }

func (e errOne) Unwrap() error { return e.error }

// unknownSize is the size of what is as long as it gets.
const unknownSize = -1

// run moves one file when there is a turn. It answers false when there is no sense in more.
func (m *mover) run(name string, size int64, do func(ctx context.Context, observe func(client.Moment)) (client.Done, error), release func()) bool {
	if m.ctx.Err() != nil {
		release()
		return false
	}
	m.jobs.Go(func() error {
		defer release()
		if m.ctx.Err() != nil {
			return nil
		}
		seen := m.look.begin(name, size)
		done, err := do(m.ctx, seen.observe)
		stopped := m.ctx.Err() != nil && err != nil // and nothing is wrong with the file
		m.count(done, err, stopped)
		if stopped {
			seen.leave()
			return nil
		}
		seen.done(done, err)
		if fault.Is(err, fault.Unauthenticated) || client.Away(err) {
			return err // it would be so for the others
		}
		return nil
	})
	return true
}

func (m *mover) count(done client.Done, err error, stopped bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.Bytes += done.Bytes
	switch {
	case stopped:
	case err != nil:
		m.fail(err)
	case done.How == client.Same:
		m.sum.Same++
	case done.How == client.Known:
		m.sum.Known++
	case done.How == client.Would:
		m.sum.Would++
	default:
		m.sum.Moved++
	}
}

func (m *mover) fail(err error) {
	if m.sum.Failed++; m.first == nil {
		m.first = err
	}
}

// refuse tells of something that is not moved at all.
func (m *mover) refuse(name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if errors.Is(err, client.ErrSkipped) {
		m.sum.Left++
		m.look.note(name, err, true)
		return
	}
	m.fail(err)
	m.look.note(name, err, false)
}

// String is the summary as people read it.
func (s summary) String() string {
	text := fmt.Sprintf("%d moved (%s)", s.Moved, showSize(s.Bytes))
	for _, part := range []struct {
		n    int
		word string
	}{{s.Known, "known to the server"}, {s.Same, "there already"}, {s.Trashed, "to the trash"}, {s.Left, "left out"}, {s.Failed, "failed"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	return text
}
