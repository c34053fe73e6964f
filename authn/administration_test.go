package authn

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// office is a server with the administrators ann and zoe, and the user bob.
type office struct {
	*node
	ann, zoe, bob User
	quotas        map[string]int64
}

func newOffice(t *testing.T, db *sqldb.DB) *office {
	t.Helper()
	f := &office{quotas: map[string]int64{}}
	f.node = newNode(t, db, func(o *Options) {
		o.SetQuota = func(_ context.Context, _ *sqldb.Tx, id string, quota int64) error { f.quotas[id] = quota; return nil }
	})
	for _, u := range []struct {
		to   *User
		name string
		role Role
	}{{&f.ann, "ann", RoleAdmin}, {&f.zoe, "zoe", RoleAdmin}, {&f.bob, "bob", RoleUser}} {
		var err error
		if *u.to, err = f.CreateUser(t.Context(), Registration{Username: u.name, Password: password}, u.role); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// by is administration by a user, from an address.
func (f *office) by(u User) Administration {
	return f.Administer(Principal{UserID: u.ID, Username: u.Username, Role: u.Role}, Client{Address: "192.0.2.7", UserAgent: "console"})
}

// told are the newest lines of the audit log about a user, as "event detail".
func (f *office) told(t *testing.T, userID string) (all []string) {
	t.Helper()
	lines, _, err := f.AuditLog(t.Context(), AuditFilter{UserID: userID})
	accepted(t, "audit log", err)
	for _, l := range lines {
		all = append(all, l.Event+" "+l.Detail)
	}
	return all
}

func TestAdministratorsChangeAccounts(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		ctx, d := t.Context(), f.by(f.ann)
		signIn := func() SignIn {
			t.Helper()
			s, err := f.Login(ctx, Credentials{Login: "bob", Password: password}, Client{})
			accepted(t, "sign in", err)
			return s
		}
		ended := func(what string, s SignIn) {
			t.Helper()
			_, err := f.Bearer(ctx, s.AccessToken)
			refused(t, what, err, fault.Unauthenticated, "session_ended")
		}

		s := signIn()
		u, err := d.Change(ctx, f.bob.ID, UserChange{Quota: new(int64(5000)), Role: new(RoleAdmin)})
		if err != nil || u.Role != RoleAdmin || f.quotas[f.bob.ID] != 5000 {
			t.Errorf("%+v, %v, %v", u, err, f.quotas)
		}
		p, err := f.Bearer(ctx, s.AccessToken)
		if err != nil || p.Role != RoleAdmin {
			t.Errorf("a role counts from the next request on: %+v, %v", p, err)
		}
		_, err = d.Change(ctx, f.bob.ID, UserChange{Role: new(RoleUser), Quota: new(int64(-1))})
		accepted(t, "demote", err)

		accepted(t, "sign out", d.SignOut(ctx, f.bob.ID))
		ended("signed out by an administrator", s)

		s = signIn()
		if u, err = d.Change(ctx, f.bob.ID, UserChange{Disabled: new(true)}); err != nil || !u.Disabled {
			t.Errorf("%+v, %v", u, err)
		}
		ended("disabled", s)
		_, err = f.Login(ctx, Credentials{Login: "bob", Password: password}, Client{})
		refused(t, "a disabled account", err, fault.Forbidden, "account_disabled")
		_, err = d.Change(ctx, f.bob.ID, UserChange{Disabled: new(false)})
		accepted(t, "enable", err)

		s = signIn()
		accepted(t, "password", d.SetPassword(ctx, f.bob.ID, "another password"))
		ended("another password", s)
		_, err = f.Login(ctx, Credentials{Login: "bob", Password: "another password"}, Client{})
		accepted(t, "sign in", err)

		accepted(t, "delete", d.Delete(ctx, f.bob.ID))
		want := []string{"user_deleted bob", "password_changed ", "user_enabled ", "user_disabled ", "signed_out ", "quota_changed no limit", "role_changed admin to user",
			"quota_changed 5000 bytes", "role_changed user to admin", "user_created bob (user)"}
		if got := slices.DeleteFunc(f.told(t, f.bob.ID), func(s string) bool {
			return strings.HasPrefix(s, "sign_in")
		}); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("the audit log tells\n%q, want\n%q", got, want)
		}
		lines, _, err := f.AuditLog(ctx, AuditFilter{UserID: f.bob.ID, Event: AuditUserDeleted})
		if err != nil || len(lines) != 1 || lines[0].ActorID != f.ann.ID || lines[0].ActorName != "ann" || lines[0].Address != "192.0.2.7" || lines[0].UserAgent != "console" {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

// What fails in the middle changes nothing, and is not told.
func TestAChangeIsAllOrNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		broken := errors.New("no quota today")
		f.o.SetQuota = func(context.Context, *sqldb.Tx, string, int64) error { return broken }
		before := f.told(t, f.bob.ID)
		if _, err := f.by(f.ann).Change(t.Context(), f.bob.ID, UserChange{Disabled: new(true), Role: new(RoleAdmin), Quota: new(int64(1))}); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		if _, err := f.by(f.ann).CreateUser(t.Context(), NewUser{Registration: Registration{Username: "new", Password: password}, Role: RoleUser, Quota: new(int64(1))}); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		if u, err := f.User(t.Context(), f.bob.ID); err != nil || u.Disabled || u.Role != RoleUser {
			t.Errorf("%+v, %v", u, err)
		}
		if after := f.told(t, f.bob.ID); !slices.Equal(before, after) {
			t.Errorf("told: %q", after)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM users`); n != 3 {
			t.Errorf("%d users", n)
		}
	})
}

// However administrators act, on themselves or on each other at the same moment, one is left.
func TestAttackLockingOutEveryAdministrator(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		ctx := t.Context()
		own := f.by(f.ann)
		for what, act := range map[string]func() error{
			"disable":  func() error { _, err := own.Change(ctx, f.ann.ID, UserChange{Disabled: new(true)}); return err },
			"demote":   func() error { _, err := own.Change(ctx, f.ann.ID, UserChange{Role: new(RoleUser)}); return err },
			"delete":   func() error { return own.Delete(ctx, f.ann.ID) },
			"password": func() error { return own.SetPassword(ctx, f.ann.ID, "another password") },
		} {
			refused(t, what+" oneself", act(), fault.Forbidden, "own_account")
		}
		if u, err := f.User(ctx, f.ann.ID); err != nil || u.Role != RoleAdmin || u.Disabled {
			t.Fatalf("%+v, %v", u, err)
		}
		// Each ends the other, in three ways, over and over.
		for round, act := range []func(by, whom User) error{
			func(by, whom User) error {
				_, err := f.by(by).Change(ctx, whom.ID, UserChange{Role: new(RoleUser)})
				return err
			},
			func(by, whom User) error {
				_, err := f.by(by).Change(ctx, whom.ID, UserChange{Disabled: new(true)})
				return err
			},
			func(by, whom User) error { return f.by(by).Delete(ctx, whom.ID) },
		} {
			errs := together(2, func(i int) error {
				pair := [...]User{f.ann, f.zoe}
				return act(pair[i], pair[1-i])
			})
			if successes(errs) != 1 {
				t.Errorf("round %d: %v", round, errs)
			}
			if n := count(t, db, `SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled_at = 0 AND deleted_at = 0`); n != 1 {
				t.Fatalf("round %d: %d administrators are left", round, n)
			}
			for _, err := range errs {
				if err != nil {
					refused(t, "who was ended", err, fault.Forbidden, "not_admin")
				}
			}
			if round < 2 {
				for _, u := range []User{f.ann, f.zoe} { // the command line mends it
					if _, err := f.Administer(Principal{}, Client{}).Change(ctx, u.ID, UserChange{Role: new(RoleAdmin), Disabled: new(false)}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// Whoever is no administrator any more does nothing more, whatever the request's principal still says.
func TestAttackActingAfterBeingDemoted(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		ctx, d := t.Context(), f.by(f.bob)
		for what, act := range map[string]func() error{
			"create": func() error {
				_, err := d.CreateUser(ctx, NewUser{Registration: Registration{Username: "new", Password: password}, Role: RoleAdmin})
				return err
			},
			"change":   func() error { _, err := d.Change(ctx, f.ann.ID, UserChange{Disabled: new(true)}); return err },
			"own role": func() error { _, err := d.Change(ctx, f.bob.ID, UserChange{Role: new(RoleAdmin)}); return err },
			"password": func() error { return d.SetPassword(ctx, f.ann.ID, "another password") },
			"sign out": func() error { return d.SignOut(ctx, f.ann.ID) },
			"delete":   func() error { return d.Delete(ctx, f.ann.ID) },
			"factor":   func() error { return d.ResetFactor(ctx, f.ann.ID) },
			"app":      func() error { return d.RevokeAppPassword(ctx, f.ann.ID, sqldb.NewID()) },
			"upload":   func() error { return d.RecordUploadEnded(ctx, f.ann.ID, sqldb.NewID()) },
			"events":   func() error { return d.RecordEventsRetried(ctx, "dead") },
			"revoke":   func() error { return d.RevokeInvitation(ctx, sqldb.NewID()) },
			"invite": func() error {
				_, _, err := d.Invite(ctx, NewInvitation{Uses: 1, Life: time.Hour})
				return err
			},
		} {
			refused(t, what, act(), fault.Forbidden, "not_admin")
		}
		if n := count(t, db, `SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled_at = 0`) + count(t, db, `SELECT COUNT(*) FROM users`); n != 5 {
			t.Errorf("something was changed: %d", n)
		}
	})
}

// An app password that its owner cannot take back is taken back by an administrator, and opens nothing from then on.
func TestAdministratorsRevokeAppPasswords(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		ctx, d := t.Context(), f.by(f.ann)
		made, secret, err := f.CreateAppPasswordFor(ctx, "bob", NewAppPassword{Name: "old phone"})
		accepted(t, "make", err)
		_, err = f.Basic(ctx, "bob", secret, Client{})
		accepted(t, "use", err)
		refused(t, "another's", d.RevokeAppPassword(ctx, f.zoe.ID, made.ID), fault.NotFound, "no_such_app_password")
		refused(t, "nonsense", d.RevokeAppPassword(ctx, f.bob.ID, "x"), fault.NotFound, "no_such_app_password")
		accepted(t, "revoke", d.RevokeAppPassword(ctx, f.bob.ID, made.ID))
		refused(t, "again", d.RevokeAppPassword(ctx, f.bob.ID, made.ID), fault.NotFound, "no_such_app_password")
		if _, err := f.Basic(ctx, "bob", secret, Client{}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("it opens something still: %v", err)
		}
		lines, _, err := f.AuditLog(ctx, AuditFilter{UserID: f.bob.ID, Event: AuditAppPasswordRevoked})
		if err != nil || len(lines) != 1 || lines[0].ActorID != f.ann.ID || lines[0].Detail != "old phone" {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

func TestWhatAdministratorsCannotAskFor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		ctx, d := t.Context(), f.by(f.ann)
		accepted(t, "delete", d.Delete(ctx, f.bob.ID))
		for _, id := range []string{"", "bob", f.bob.ID, sqldb.NewID(), "'; DROP TABLE users; --"} {
			_, err := d.Change(ctx, id, UserChange{Disabled: new(false)})
			refused(t, "change "+id, err, fault.NotFound, "no_such_account")
			refused(t, "sign out "+id, d.SignOut(ctx, id), fault.NotFound, "no_such_account")
			refused(t, "password "+id, d.SetPassword(ctx, id, password), fault.NotFound, "no_such_account")
			refused(t, "delete "+id, d.Delete(ctx, id), fault.NotFound, "no_such_account")
		}
		_, err := d.Change(ctx, f.zoe.ID, UserChange{Role: new(Role("king"))})
		refused(t, "a strange role", err, fault.Invalid, "invalid_fields")
		refused(t, "a short password", d.SetPassword(ctx, f.zoe.ID, "short"), fault.Invalid, "invalid_fields")
	})
}
