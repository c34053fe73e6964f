package authn

import (
	"context"
	"errors"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// An account is deleted in two steps. Closing it is one short transaction: from then on nobody signs in, and the names are free. Removing it with a drive
// of any size takes as long as it takes, in pieces, so that nobody else waits; it goes on after a crash.

// DeleteOwn closes the caller's own account, against its password (see confirm) and a code where a second factor is on (see owner). RemoveClosed removes it
// then, with its drive. Errors as ChangePassword; Forbidden with code "last_admin": somebody must be left to run the server.
func (a *Accounts) DeleteOwn(ctx context.Context, p Principal, proof Proof, c Client) error {
	if err := a.confirm(ctx, p, proof.Password, c); err != nil {
		return fault.Wrap(err, "authn.DeleteOwn")
	}
	err := a.decide(ctx, func(tx *sqldb.Tx) error {
		admins, err := Administration{a: a}.admins(ctx, tx)
		if err != nil {
			return err
		}
		if len(admins) == 1 && admins[0] == p.UserID {
			return fault.New(fault.Forbidden, "authn.DeleteOwn", "You are the last administrator. Make somebody else one first.").WithCode("last_admin")
		}
		u, err := a.owner(ctx, tx, p, proof.OTP, c)
		if err != nil {
			return err
		}
		if err := a.audit(ctx, tx, auditEntry{event: AuditUserDeleted, userID: p.UserID, actor: p.UserID, client: c, detail: u.Username, always: true}); err != nil {
			return err
		}
		return a.close(ctx, tx, p.UserID)
	})
	if err == nil {
		a.wakeRemoval()
	}
	return fault.Wrap(err, "authn.DeleteOwn")
}

// close marks an account as deleted. It counts as disabled, so that whatever asks who may do something refuses it, and what names it is taken away. No
// username begins with "!". The caller holds the row.
func (a *Accounts) close(ctx context.Context, tx *sqldb.Tx, id string) error {
	// The sessions come first: what a session that is refreshed adds refers to the account, and once its keys are being changed would have to wait.
	if err := a.endSessions(ctx, tx, id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE users SET deleted_at = $2, disabled_at = $2, username = '', username_key = '!' || id, email = '', email_key = NULL,
		phone = NULL, email_verified_at = 0, phone_verified_at = 0, password_hash = '', role = 'user' WHERE id = $1`, id, a.now()); err != nil {
		return err
	}
	// Whoever signs in at a provider again is a newcomer.
	_, err := tx.Exec(ctx, `DELETE FROM identities WHERE user_id = $1`, id)
	return err
}

func (a *Accounts) wakeRemoval() {
	select {
	case a.closed <- struct{}{}:
	default: // it will run already
	}
}

// Closed tells that an account of this process was closed, and is to be removed.
func (a *Accounts) Closed() <-chan struct{} { return a.closed }

// closedBatch is how many closed accounts RemoveClosed reads at a time.
const closedBatch = 100

// RemoveClosed removes the accounts that were closed, with their drives. What fails is told, and the others are removed all the same. It may run on
// several nodes at once.
func (a *Accounts) RemoveClosed(ctx context.Context) error {
	var failed []error
	for after := ""; ; {
		ids, err := sqldb.All(ctx, a.db, `SELECT id FROM users WHERE deleted_at > 0 AND id > $1 ORDER BY id LIMIT $2`, []any{after, closedBatch},
			func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
		if err != nil || len(ids) == 0 {
			return fault.Wrap(errors.Join(append(failed, err)...), "authn.RemoveClosed")
		}
		for _, id := range ids {
			if err := a.removeClosed(ctx, id); err != nil {
				failed = append(failed, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		after = ids[len(ids)-1]
	}
}

// removeClosed removes one closed account: first its drive, and then the rest, which is small.
func (a *Accounts) removeClosed(ctx context.Context, id string) error {
	if err := a.o.RemoveDrive(ctx, id); err != nil {
		return err
	}
	_, err := a.db.Exec(ctx, `DELETE FROM users WHERE id = $1 AND deleted_at > 0`, id)
	return err
}
