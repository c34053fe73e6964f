package authn

import (
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// while runs a transaction of hold and rest, and beside between the two: the rest runs when beside waits for a row that hold has taken. It answers what
// beside answered. Only Postgres has two writers.
func while(t *testing.T, db *sqldb.DB, hold func(tx *sqldb.Tx) error, beside func() error, rest func(tx *sqldb.Tx) error) error {
	t.Helper()
	done := make(chan error, 1)
	accepted(t, "the transaction", db.Update(t.Context(), func(tx *sqldb.Tx) error {
		if err := hold(tx); err != nil {
			return err
		}
		go func() { done <- beside() }()
		lockWaited(t, db)
		return rest(tx)
	}))
	return <-done
}

// lockWaited returns when somebody waits for a lock.
func lockWaited(t *testing.T, db *sqldb.DB) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if count(t, db, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a lock")
		}
	}
}

// An administrator who ends somebody's sessions waits for a refresh that is under way, and the refresh not for the administrator: else both would stand
// still until the database ends one of them, after a second.
func TestEndingSessionsBesideARefresh(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	f := newOffice(t, db)
	for _, test := range []struct {
		name string
		end  func() error
	}{
		{"signed out", func() error { return f.by(f.ann).SignOut(t.Context(), f.bob.ID) }},
		{"deleted", func() error { return f.by(f.ann).Delete(t.Context(), f.bob.ID) }},
	} {
		s, err := f.Login(t.Context(), Credentials{Login: "bob", Password: password}, Client{})
		accepted(t, "sign in", err)
		who := f.who(t, s)
		err = while(t, db, func(tx *sqldb.Tx) error { // as rotate
			if _, err := tx.Exec(t.Context(), `SET LOCAL lock_timeout = '100ms'`); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `UPDATE sessions SET seen_at = seen_at WHERE id = $1`, who.SessionID)
			return err
		}, test.end, func(tx *sqldb.Tx) error {
			_, err := f.openTicket(t.Context(), tx, who.UserID, who.SessionID)
			return err
		})
		accepted(t, test.name, err)
		_, err = f.Bearer(t.Context(), s.AccessToken)
		refused(t, test.name, err, fault.Unauthenticated, "session_ended")
	}
}

// Whoever cuts the link with a provider's account while that one signs in, has cut it.
func TestASignInElsewhereBesideTheEndOfItsLink(t *testing.T) {
	federate(t, func(f *federation) {
		if f.db.Engine() != sqldb.Postgres {
			return // has one writer: one is after the other
		}
		f.register(f.T, ann())
		ann := f.page("ann")
		accepted(f.T, "link", f.links(ann, password, "mia"))
		tr, b := f.begin("", "")
		tr.at(b, "mia")
		err := while(f.T, f.db, func(tx *sqldb.Tx) error { return lockUser(f.Context(), tx, ann.UserID) }, func() error {
			_, err := tr.back()
			return err
		}, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(f.Context(), `DELETE FROM identities WHERE user_id = $1`, ann.UserID)
			return err
		})
		refused(f.T, "a link that was cut", err, fault.Forbidden, "registration_closed") // as a newcomer
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM sessions WHERE user_id = $1`, ann.UserID); n != 2 {
			f.Errorf("the account has %d sessions", n)
		}
	}, func(o *Options) { o.OIDCRegistration = RegistrationClosed })
}
