package hooks

import (
	"context"
	"sync"
)

// askTurns bounds how many questions are under way at once: of all together, and of one drive, so that nobody's uploads keep those of others waiting.
type askTurns struct {
	all     chan struct{}
	ofDrive int

	mu     sync.Mutex
	drives map[string]*driveTurns
}

// driveTurns are a drive's, while anybody has or wants one.
type driveTurns struct {
	turns chan struct{}
	users int
}

func newAskTurns(all, ofDrive int) *askTurns {
	return &askTurns{all: make(chan struct{}, all), ofDrive: ofDrive, drives: map[string]*driveTurns{}}
}

// take waits for a turn, and answers what gives it back. The error is ctx's.
func (t *askTurns) take(ctx context.Context, driveID string) (leave func(), err error) {
	d := t.enter(driveID)
	for i, turns := range [...]chan struct{}{d.turns, t.all} {
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-d.turns
			}
			t.leave(driveID, d)
			return nil, ctx.Err()
		}
	}
	return func() {
		<-t.all
		<-d.turns
		t.leave(driveID, d)
	}, nil
}

func (t *askTurns) enter(driveID string) *driveTurns {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.drives[driveID]
	if d == nil {
		d = &driveTurns{turns: make(chan struct{}, t.ofDrive)}
		t.drives[driveID] = d
	}
	d.users++
	return d
}

func (t *askTurns) leave(driveID string, d *driveTurns) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d.users--; d.users == 0 {
		delete(t.drives, driveID)
	}
}
