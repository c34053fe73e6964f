package authn

import (
	"context"
	"errors"

	"github.com/satchelhq/satchel/sqldb"
)

// refusal is an answer that is committed together with what led to it: a wrong code counts, although it opens nothing.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// decide is db.Update for a function that may refuse: a refusal is committed and answered as the error in it.
func (a *Accounts) decide(ctx context.Context, fn func(tx *sqldb.Tx) error) error {
	var refused error
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		refused = nil // of an earlier try
		err := fn(tx)
		var r refusal
		if errors.As(err, &r) {
			refused = r.error
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return refused
}
