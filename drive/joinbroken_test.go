package drive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
)

// Whatever refuses a join at its end, or breaks it on the way, leaves the parts as they were.
func TestJoinThatFailsLeavesItsParts(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		var verdicts []error // of the settings' rules, one a question
		f.o.Admit = func(Proposal) (err error) {
			if len(verdicts) > 0 {
				err, verdicts = verdicts[0], verdicts[1:]
			}
			return err
		}
		faulty := &faultyStore{Store: f.blobs}
		f.Drives.blobs = faulty
		refusal, failure, away := fault.New(fault.Forbidden, "test", ""), errors.New("the database is gone"), fault.New(fault.Busy, "sqldb", "")
		for _, c := range []struct {
			name     string
			verdicts []error // when it begins, before it copies, when it commits
			appends  int     // that go well
			seals    bool
			want     string
		}{
			{"refused before the copy", []error{nil, refusal}, 9, true, "forbidden"},
			{"refused by the commit", []error{nil, nil, refusal}, 9, true, "forbidden"},
			{"the disk is full", nil, 0, true, "full"},
			{"the disk is full at last", nil, 1, true, "full"},
			{"the seal fails", nil, 9, false, "internal"},
			{"the commit fails", []error{nil, nil, failure}, 9, true, "internal"},
			{"the database is away at the commit", []error{nil, nil, away}, 9, true, "busy"}, // and not as if parts were on their way
		} {
			for _, first := range []string{longOne, "small"} { // in place, and copied
				parts := []Upload{f.part(first), f.part(longTwo), f.part(longThree)}
				before := f.keys()
				verdicts, faulty.appends, faulty.seals = c.verdicts, c.appends, c.seals
				_, err := f.join("f", parts...)
				wantKind(t, c.name, err, c.want)
				verdicts, faulty.appends, faulty.seals = nil, 99, true
				f.clean()
				failed := c.want == "internal" || c.want == "busy"
				if !failed { // of what failed nobody knows whether it is done: it stays, and its parts with it
					if got := f.keys(); got != before {
						t.Errorf("%s: the store holds %s; before the join %s", c.name, got, before)
					}
				} else if err := f.Recover(t.Context()); err != nil {
					t.Fatal(err)
				}
				if failed {
					f.run("tree /f=" + first + longTwo + longThree)
				} else if _, err := f.join("f", parts[2], parts[0], parts[1]); err != nil {
					t.Errorf("%s, and then in another order: %v", c.name, err)
				} else {
					f.run("tree /f=" + longThree + first + longTwo)
				}
				f.run("rm /f\nempty-trash /")
				if _, err := f.GC(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// faultyStore is a store that fails, and tells what happens in it.
type faultyStore struct {
	blob.Store
	appends int  // that go well before the disk is full
	seals   bool // whether a stage can be sealed

	appending, sealing, sealed func(key blob.Key) // called then; may be nil
}

func (s *faultyStore) Stage(ctx context.Context, key blob.Key) (blob.Stage, error) {
	g, err := s.Store.Stage(ctx, key)
	return faultyStage{g, s, key}, err
}

func (s *faultyStore) Resume(ctx context.Context, key blob.Key, offset int64) (blob.Stage, error) {
	g, err := s.Store.Resume(ctx, key, offset)
	return faultyStage{g, s, key}, err
}

type faultyStage struct {
	blob.Stage
	s   *faultyStore
	key blob.Key
}

func (g faultyStage) Append(ctx context.Context, from blob.Key, size int64) error {
	if g.s.appending != nil {
		g.s.appending(g.key)
		return g.Stage.Append(ctx, from, size)
	}
	if g.s.appends--; g.s.appends < 0 {
		if err := g.Stage.Append(ctx, from, size/2); err != nil {
			return err
		}
		return blob.ErrFull
	}
	return g.Stage.Append(ctx, from, size)
}

func (g faultyStage) Seal(ctx context.Context) error {
	if !g.s.seals {
		return errors.New("input/output error")
	}
	if g.s.sealing != nil {
		g.s.sealing(g.key)
	}
	err := g.Stage.Seal(ctx)
	if g.s.sealed != nil {
		g.s.sealed(g.key)
	}
	return err
}

// A server that was killed between the seal and the commit has left a part's stage as a blob that no row knows. It is the part's all
// the same: for the upload that was joined, and when that is gone, for another one that names the part.
func TestJoinAfterAJoinThatWasCutShort(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		var verdicts []error
		f.o.Admit = func(Proposal) (err error) {
			if len(verdicts) > 0 {
				err, verdicts = verdicts[0], verdicts[1:]
			}
			return err
		}
		for _, c := range []struct {
			name string
			end  func(cut Upload, one, two Upload) error
			want string
		}{
			{"the upload is looked at", func(cut, _, _ Upload) error { _, err := f.look(cut); return err }, "/f=" + longOne + longTwo},
			{"the upload is dropped, and its parts joined in another order", func(cut, one, two Upload) error {
				err := f.DropUpload(t.Context(), f.alice, cut.ID)
				if err == nil {
					_, err = f.join("f", two, one)
				}
				return err
			}, "/f=" + longTwo + longOne},
			{"the upload is dropped, and the first part is all that is wanted", func(cut, one, two Upload) error {
				err := errors.Join(f.DropUpload(t.Context(), f.alice, cut.ID), f.DropUpload(t.Context(), f.alice, two.ID))
				if err == nil {
					_, err = f.join("f", one)
				}
				return err
			}, "/f=" + longOne},
			{"the upload and its parts are dropped", func(cut, one, two Upload) error {
				return errors.Join(f.DropUpload(t.Context(), f.alice, one.ID), f.DropUpload(t.Context(), f.alice, cut.ID), f.DropUpload(t.Context(), f.alice, two.ID))
			}, ""},
		} {
			one, two := f.part(longOne), f.part(longTwo)
			verdicts = []error{nil, nil, errors.New("killed")}
			if _, err := f.join("f", one, two); !fault.Is(err, fault.Internal) {
				t.Fatal(err)
			}
			all, err := f.OpenUploads(t.Context(), f.alice, 10)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d open uploads, %v", len(all), err)
			}
			if want := fmt.Sprintf("%s(blob of %d)", one.ID, len(longOne+longTwo)); !strings.Contains(f.keys(), want) {
				t.Fatalf("the store holds %s; want %s", f.keys(), want)
			}
			f.clean()
			f.forward(2 * time.Hour)
			if c, err := f.GC(t.Context()); err != nil || c != (Collected{}) {
				t.Errorf("gc took %+v (%v)", c, err)
			}
			if err := c.end(all[0], one, two); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			f.run("tree " + c.want)
			f.clean()
			if c.want != "" {
				f.run("rm /f\nempty-trash /")
			}
			if _, err := f.GC(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.forward(2 * time.Hour)
			if _, err := f.GC(t.Context()); err != nil || f.stored() != 0 {
				t.Errorf("%s: in the end the store holds %s (%v)", c.name, f.keys(), err)
			}
		}
	})
}

// A process that lost its hold touches nothing of what it was joining: another may have made it a file.
func TestJoinThatLostItsHold(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, first := range []string{longOne, "small"} {
			parts := []Upload{f.part(first), f.part(longTwo)}
			f.Drives.blobs = &faultyStore{Store: f.blobs, appends: 9, seals: true, sealed: func(blob.Key) {
				if _, err := f.db.Exec(t.Context(), `UPDATE uploads SET fence = fence + 1`); err != nil {
					t.Error(err)
				}
			}}
			_, err := f.join("f", parts...)
			wantKind(t, "without a hold", err, "locked")
			f.Drives.blobs = f.blobs
			if _, err := f.db.Exec(t.Context(), `UPDATE uploads SET fence = 0`); err != nil { // on SQLite nobody counts
				t.Fatal(err)
			}
			if whole := fmt.Sprintf("(blob of %d)", len(first+longTwo)); !strings.Contains(f.keys(), whole) {
				t.Errorf("the store holds %s; want one %s", f.keys(), whole)
			}
			f.clean()
			if _, err := f.join("f", parts...); err != nil {
				t.Error(err)
			}
			f.run("tree /f=" + first + longTwo + "\nrm /f\nempty-trash /")
		}
	})
}

// A part whose stage is becoming a file is named by another upload meanwhile, which is faster: one file is made of it, and the slower
// one is told that the part is gone.
func TestJoinOvertaken(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, commits := range []string{"while the slower one copies", "before it seals", "after it has sealed"} { // the faster one
			one, two, three := f.part(longOne), f.part(longTwo), f.part(longThree)
			copied, sealed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			slow := one.key()
			begin := sync.OnceFunc(func() {
				go func() {
					defer close(done)
					if _, err := f.join("fast", two, one); err != nil {
						t.Errorf("%s: %v", commits, err)
					}
				}()
				<-copied
				if commits == "while the slower one copies" {
					<-done
				}
			})
			f.Drives.blobs = &faultyStore{Store: f.blobs, seals: true, appending: func(key blob.Key) {
				if key == slow {
					begin()
				}
			}, sealing: func(key blob.Key) {
				if key == slow && commits == "before it seals" {
					<-done
				}
			}, sealed: func(key blob.Key) {
				switch {
				case key != slow:
					close(copied)
					if commits == "after it has sealed" {
						<-sealed
					}
				case commits == "after it has sealed":
					close(sealed)
					<-done
				}
			}}
			_, err := f.join("slow", one, three)
			wantKind(t, commits, err, "gone")
			f.Drives.blobs = f.blobs
			f.run("tree /fast=" + longTwo + longOne)
			f.clean()
			if err := f.drop(three); err != nil {
				t.Fatal(err)
			}
			if usage, err := f.Usage(t.Context(), f.alice); err != nil || usage.Uploads != 0 || usage.Reserved != 0 || f.stored() != 1 {
				t.Errorf("usage %+v (%v), the store holds %s", usage, err, f.keys())
			}
			f.run("rm /fast\nempty-trash /")
			f.forward(2 * time.Hour)
			if _, err := f.GC(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
