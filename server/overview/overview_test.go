package overview_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/overview"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
	"github.com/satchelhq/satchel/turn"
)

// store is one that knows its room, and may be broken.
type store struct {
	blob.Store
	err error
}

func (s store) Space(context.Context) (blob.Space, error) {
	return blob.Space{Free: 30, Total: 100}, s.err
}

// done has a job be done once.
func done(t *testing.T, jobs *turn.Turns, name string, failed error) {
	t.Helper()
	if err := jobs.Wake(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.Do(t.Context(), name, time.Hour, func(context.Context) error { return failed }); err != nil {
		t.Fatal(err)
	}
}

func TestTaking(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	jobs := turn.New(db, "")
	for _, broken := range []error{nil, errors.New("no space left")} {
		done(t, jobs, "sweep", nil)
		done(t, jobs, "gc", broken)
		drives := drive.New(db, store{mem.New(), broken}, drive.Options{})
		accounts := authn.New(db, authn.Options{CreateDrive: drives.Create})
		o, err := overview.Source{Accounts: accounts, Drives: drives, Jobs: jobs, Version: "v1"}.Take(t.Context())
		if err != nil || o.Version != "v1" || !o.SpaceKnown || o.Space.Free != 30 || o.StoreFailed != (broken != nil) || o.Users.All != 0 || o.Totals.Counted.IsZero() {
			t.Errorf("%+v, %v", o, err)
		}
		if failing := o.Failing(); len(o.Jobs) != 2 || (len(failing) == 1 && failing[0].Name == "gc") != (broken != nil) {
			t.Errorf("of %+v fail %+v", o.Jobs, failing)
		}
	}
}
