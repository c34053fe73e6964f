package overview

import (
	"context"
	"slices"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/turn"
)

// Source is what an overview is taken of.
type Source struct {
	Accounts *authn.Accounts
	Drives   *drive.Drives
	Jobs     *turn.Turns
	Version  string
}

// Overview is how the server is doing.
type Overview struct {
	Version     string
	Users       authn.UserCounts
	Totals      drive.Totals
	Space       blob.Space
	SpaceKnown  bool
	StoreFailed bool // content can be neither written nor read now; the log and /readyz of the operators' listener tell why
	Scrub       drive.ScrubStanding
	Jobs        []turn.Job // that have been done, by whatever node
}

// Failing are the jobs whose last run failed.
func (o Overview) Failing() (failing []turn.Job) {
	for _, j := range o.Jobs {
		if j.Failures > 0 {
			failing = append(failing, j)
		}
	}
	return failing
}

// Take looks at everything once. A store that does not work is told and no error.
func (s Source) Take(ctx context.Context) (o Overview, err error) {
	o.Version = s.Version
	if o.Users, err = s.Accounts.CountUsers(ctx); err != nil {
		return o, err
	}
	if o.Totals, err = s.Drives.Totals(ctx); err != nil {
		return o, err
	}
	var failed error
	if o.Space, o.SpaceKnown, failed = s.Drives.Space(ctx); failed != nil && ctx.Err() == nil {
		o.StoreFailed = true
	}
	if o.Scrub, err = s.Drives.ScrubStanding(ctx); err != nil {
		return o, err
	}
	if o.Jobs, err = s.Jobs.All(ctx); err != nil {
		return o, err
	}
	o.Jobs = slices.DeleteFunc(o.Jobs, func(j turn.Job) bool { return j.Ended.IsZero() })
	return o, ctx.Err()
}
