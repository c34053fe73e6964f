package blob_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/blobtest"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/blob/mem"
)

// A store that is observed keeps the contract, and tells of every kind of call there is.
func TestObservedKeepsTheContract(t *testing.T) {
	var told sync.Map
	observe := func(_ context.Context, op string, _ time.Time, _ error) { told.Store(op, true) }
	blobtest.Run(t, func(*testing.T) blobtest.Harness {
		s := blob.Observed(mem.New(), observe)
		return blobtest.Harness{Store: s, Reopen: func(*testing.T) blob.Store { return s }}
	})
	sweeping := blob.Observed(struct {
		blob.Store
		blob.Sweeper
	}{mem.New(), sweeper{}}, observe)
	if n, bytes, err := sweeping.(blob.Sweeper).Sweep(t.Context(), time.Now()); n != 1 || bytes != 2 || err != nil {
		t.Errorf("swept %d, %d, %v", n, bytes, err)
	}
	for _, op := range blob.Ops() {
		if _, ok := told.Load(op); !ok {
			t.Errorf("nobody was told of %s", op)
		}
	}
	told.Range(func(op, _ any) bool {
		if !slices.Contains(blob.Ops(), op.(string)) {
			t.Errorf("%s is none of Ops", op)
		}
		return true
	})
}

type sweeper struct{}

func (sweeper) Sweep(context.Context, time.Time) (int, int64, error) { return 1, 2, nil }

// What else a store can do it can when it is observed, and nothing more; a file on disk is one still, for sendfile.
func TestObservedIsWhatItObserves(t *testing.T) {
	folder, err := disk.Open(t.TempDir(), disk.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		store         blob.Store
		roomy, sweeps bool
	}{
		{"memory", mem.New(), false, false},
		{"disk", folder, true, false},
		{"one that sweeps", struct {
			blob.Store
			blob.Sweeper
		}{mem.New(), sweeper{}}, false, true},
		{"both", struct {
			*disk.Store
			blob.Sweeper
		}{folder, sweeper{}}, true, true},
	} {
		s := blob.Observed(c.store, func(context.Context, string, time.Time, error) {})
		_, roomy := s.(blob.Roomy)
		_, sweeps := s.(blob.Sweeper)
		if roomy != c.roomy || sweeps != c.sweeps {
			t.Errorf("%s: roomy %v, sweeps %v", c.name, roomy, sweeps)
		}
	}
	s := blob.Observed(folder, func(context.Context, string, time.Time, error) {})
	g, err := s.Stage(t.Context(), "a")
	if err == nil {
		err = g.Seal(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	content, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if _, ok := content.(*os.File); !ok {
		t.Errorf("the content is a %T", content)
	}
}

func TestFailed(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, blob.ErrNotFound: false, blob.ErrExists: false, blob.ErrKey: false, context.Canceled: false,
		blob.ErrFull: true, blob.ErrShort: true, context.DeadlineExceeded: true, errors.New("input/output error"): true,
	} {
		if got := blob.Failed(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
		if err != nil && blob.Failed(fmt.Errorf("blob: sync k: %w", err)) != want {
			t.Errorf("wrapped %v: %v", err, !want)
		}
	}
}
