package authn

import (
	"context"
	"errors"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// An account that is deleted is shut at once, though its drive takes its time: nothing signs in, everything that was signed in has ended, and the
// names are free.
func TestADeletedAccountIsShutBeforeItsDriveIsGone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		ctx := t.Context()
		broken := errors.New("the disk is slow")
		removed := []string{}
		n.o.RemoveDrive = func(_ context.Context, id string) error {
			removed = append(removed, id)
			return broken
		}
		s := n.register(t, ann())
		page, err := n.LoginPage(ctx, "ann", password, Client{})
		accepted(t, "page", err)
		_, err = n.Basic(ctx, "ann", password, Client{})
		accepted(t, "basic", err)
		who, err := n.Bearer(ctx, s.AccessToken)
		accepted(t, "bearer", err)
		other := n.beside(t)
		_, err = other.Bearer(ctx, s.AccessToken)
		accepted(t, "bearer on another node", err)

		refused(t, "a wrong password", n.DeleteOwn(ctx, who, Proof{Password: "wrong horse"}, Client{}), fault.Forbidden, "wrong_password")
		accepted(t, "delete", n.DeleteOwn(ctx, who, Proof{Password: password}, Client{Address: "192.0.2.9"}))
		select {
		case <-n.Closed():
		default:
			t.Error("nobody is told to remove it")
		}
		for what, err := range map[string]error{
			"token":                 second(n.Bearer(ctx, s.AccessToken)),
			"token on another node": second(other.Bearer(ctx, s.AccessToken)),
			"cookie":                second(n.Cookie(ctx, page.Cookie)),
		} {
			refused(t, what, err, fault.Unauthenticated, "session_ended")
		}
		refused(t, "refresh", second(n.Refresh(ctx, s.RefreshToken, Client{})), fault.Unauthenticated, "invalid_refresh_token")
		refused(t, "ticket", second(n.RedeemTicket(ctx, s.Ticket, Client{})), fault.Unauthenticated, "invalid_ticket")
		for _, login := range []string{"ann", "ann@example.org", "+4915112345678", "!" + who.UserID, who.UserID, ""} {
			refused(t, "basic "+login, second(n.Basic(ctx, login, password, Client{})), fault.Unauthenticated, "invalid_credentials")
			refused(t, "sign in "+login, second(n.Login(ctx, Credentials{Login: login, Password: password}, Client{})), fault.Unauthenticated, "invalid_credentials")
			refused(t, "sign in without a password "+login, second(n.Login(ctx, Credentials{Login: login, Password: ""}, Client{})), fault.Unauthenticated, "invalid_credentials")
		}
		refused(t, "its id", second(n.User(ctx, who.UserID)), fault.NotFound, "not_found")
		if users, err := n.Users(ctx, UserFilter{}); err != nil || len(users) != 0 {
			t.Errorf("%+v, %v", users, err)
		}
		again := n.register(t, ann())

		for range 2 { // what failed is tried again
			if err := n.RemoveClosed(ctx); !errors.Is(err, broken) {
				t.Errorf("%v", err)
			}
		}
		n.o.RemoveDrive = func(_ context.Context, id string) error { removed = append(removed, id); return nil }
		accepted(t, "remove", n.RemoveClosed(ctx))
		accepted(t, "remove", n.RemoveClosed(ctx))
		if len(removed) != 3 || removed[2] != who.UserID {
			t.Errorf("removed %v", removed)
		}
		if rows := count(t, db, `SELECT COUNT(*) FROM users WHERE id = $1`, who.UserID) + count(t, db, `SELECT COUNT(*) FROM sessions WHERE user_id = $1`, who.UserID); rows != 0 {
			t.Errorf("%d rows are left", rows)
		}
		if _, err := n.Bearer(ctx, again.AccessToken); err != nil {
			t.Errorf("who has the name now is not concerned: %v", err)
		}
		lines, _, err := n.AuditLog(ctx, AuditFilter{UserID: who.UserID, Event: AuditUserDeleted})
		if err != nil || len(lines) != 1 || lines[0].ActorID != who.UserID || lines[0].Detail != "Ann" || lines[0].Address != "192.0.2.9" {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// One failure keeps no other account from being removed.
func TestRemovingClosedAccountsGoesOnAfterAFailure(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		broken := errors.New("no")
		f.o.RemoveDrive = func(_ context.Context, id string) error {
			if id == f.zoe.ID {
				return broken
			}
			return nil
		}
		accepted(t, "zoe", f.by(f.ann).Delete(t.Context(), f.zoe.ID))
		accepted(t, "bob", f.by(f.ann).Delete(t.Context(), f.bob.ID))
		if err := f.RemoveClosed(t.Context()); !errors.Is(err, broken) {
			t.Error(err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM users`); n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestAttackDeletingTheLastAdministrator(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		who := func(u User) Principal {
			return Principal{UserID: u.ID, Username: u.Username, Role: u.Role}
		}
		errs := together(2, func(i int) error {
			return f.DeleteOwn(t.Context(), who([]User{f.ann, f.zoe}[i]), Proof{Password: password}, Client{})
		})
		if successes(errs) != 1 {
			t.Errorf("%v", errs)
		}
		for _, err := range errs {
			if err != nil {
				refused(t, "the last one", err, fault.Forbidden, "last_admin")
			}
		}
		accepted(t, "a user", f.DeleteOwn(t.Context(), who(f.bob), Proof{Password: password}, Client{}))
	})
}
