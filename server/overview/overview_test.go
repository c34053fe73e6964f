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
)

// A job fails until it goes well again; others go on beside it.
func TestJobs(t *testing.T) {
	var jobs overview.Jobs
	broken := errors.New("broken")
	for _, err := range []error{nil, broken, broken} {
		jobs.Observe("sweep", time.Second, err)
	}
	jobs.Observe("gc", time.Minute, nil)
	all := jobs.All()
	if len(all) != 2 || all[0].Name != "gc" || all[0].Failures != 0 || all[0].Took != time.Minute || all[1].Failures != 2 || all[1].Well.IsZero() || all[1].Ended.Before(all[1].Well) {
		t.Errorf("%+v", all)
	}
	if failing := (overview.Overview{Jobs: all}).Failing(); len(failing) != 1 || failing[0].Name != "sweep" {
		t.Errorf("failing are %+v", failing)
	}
	jobs.Observe("sweep", time.Second, nil)
	if failing := (overview.Overview{Jobs: jobs.All()}).Failing(); len(failing) != 0 {
		t.Errorf("failing are %+v", failing)
	}
}

// store is one that knows its room, and may be broken.
type store struct {
	blob.Store
	err error
}

func (s store) Space(context.Context) (blob.Space, error) {
	return blob.Space{Free: 30, Total: 100}, s.err
}

func TestTaking(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	for _, broken := range []error{nil, errors.New("no space left")} {
		drives := drive.New(db, store{mem.New(), broken}, drive.Options{})
		accounts := authn.New(db, authn.Options{CreateDrive: drives.Create})
		o, err := overview.Source{Accounts: accounts, Drives: drives, Version: "v1"}.Take(t.Context())
		if err != nil || o.Version != "v1" || !o.SpaceKnown || o.Space.Free != 30 || o.StoreFailed != (broken != nil) || o.Users.All != 0 || o.Totals.Counted.IsZero() {
			t.Errorf("%+v, %v", o, err)
		}
	}
}
