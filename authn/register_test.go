package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestRegisteringMakesAnAccountWithADriveAndSignsItIn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var driveOf string
		n := newNode(t, db, func(o *Options) {
			o.CreateDrive = func(ctx context.Context, tx *sqldb.Tx, userID string) error {
				var there int
				driveOf = userID // the user's row is visible inside the transaction
				return tx.Row(ctx, `SELECT 1 FROM users WHERE id = $1`, []any{userID}, &there)
			}
		})
		s := n.register(t, ann())
		u := s.User
		if driveOf != u.ID || !sqldb.ValidID(u.ID) {
			t.Errorf("a drive for %q, the user is %q", driveOf, u.ID)
		}
		want := User{ID: u.ID, Username: "Ann", Email: "Ann@Example.org", Phone: "+4915112345678", Role: RoleUser, Created: n.clock.now()}
		if got, err := n.User(t.Context(), u.ID); err != nil || got != want || u != want {
			t.Errorf("stored %+v, %v; answered %+v; want %+v", got, err, u, want)
		}
		if s.ExpiresIn != n.o.AccessTTL || s.RefreshToken == "" || s.Ticket == "" {
			t.Errorf("sign-in %+v", s)
		}
		p, err := n.Bearer(t.Context(), s.AccessToken)
		if err != nil || p.UserID != u.ID || p.Username != "Ann" || p.Role != RoleUser || p.Method != MethodBearer || p.SessionID == "" {
			t.Errorf("principal %+v, %v", p, err)
		}
		if n.events.count(EventRegister) != 1 {
			t.Errorf("events %v", n.events.seen)
		}
		if _, err := n.User(t.Context(), sqldb.NewID()); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown id: %v", err)
		}
		if _, err := n.User(t.Context(), "\x00"); !fault.Is(err, fault.NotFound) {
			t.Errorf("no id: %v", err)
		}
	})
}

func TestEveryBadFieldIsNamed(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	for _, c := range []struct {
		r    Registration
		want string
	}{
		{Registration{}, "username required, password required"},
		{Registration{Username: "a b", Password: "short", Email: "x", Phone: "12"}, "username invalid, password too_short, email invalid, phone invalid"},
		{Registration{Username: strings.Repeat("x", 65), Password: strings.Repeat("x", 1025)}, "username too_long, password too_long"},
		{Registration{Username: "ann@example.org", Password: password}, "username invalid"},
		{Registration{Username: "ann", Password: "1234567"}, "password too_short"},
		{Registration{Username: "ann", Password: "12345678\xff"}, "password invalid"},
		{Registration{Username: "ann", Password: "ééééééé"}, "password too_short"},
		{Registration{Username: "ann", Password: strings.Repeat("e\u0301", 7)}, "password too_short"}, // 7 characters composed
	} {
		_, err := n.Register(t.Context(), c.r, Client{})
		refused(t, c.r.Username, err, fault.Invalid, "invalid_fields")
		_, _, fields := fault.Public(err)
		var got []string
		for _, f := range fields {
			got = append(got, f.Name+" "+f.Code)
			if f.Message == "" {
				t.Errorf("%s has no sentence", f.Name)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%+v: %v, want %s", c.r, got, c.want)
		}
	}
	for i, pw := range []string{"12345678", "éééééééé", "        ", strings.Repeat("x", 1024), "密码密码密码密码"} {
		_, err := n.Register(t.Context(), Registration{Username: fmt.Sprintf("u%d", i), Password: pw}, Client{})
		accepted(t, pw, err)
	}
}

func TestATakenNameIsSaid(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		for _, c := range []struct {
			r    Registration
			code string
		}{
			{Registration{Username: "aNN"}, "username_taken"},
			{Registration{Username: "ａｎｎ"}, "username_taken"},
			{Registration{Username: "bob", Email: "ann@example.ORG"}, "email_taken"},
			{Registration{Username: "bob", Phone: "+4915112345678"}, "phone_taken"},
		} {
			c.r.Password = password
			_, err := n.Register(t.Context(), c.r, Client{})
			refused(t, fmt.Sprint(c.r), err, fault.Exists, c.code)
		}
		for _, name := range []string{"bob", "cid"} { // any number of accounts may have neither e-mail nor phone
			n.register(t, Registration{Username: name, Password: password})
		}
	})
}

func TestOneNameRegisteredByManyAtOnceIsOneAccount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes := []*node{newNode(t, db), newNode(t, db)}
		errs := together(12, func(i int) error {
			_, err := nodes[i%2].Register(t.Context(), Registration{Username: []string{"ann", "ANN"}[i%2], Password: password}, Client{})
			return err
		})
		if n := successes(errs); n != 1 {
			t.Errorf("%d of them got the name", n)
		}
		for _, err := range errs {
			if err != nil {
				refused(t, "the others", err, fault.Exists, "username_taken")
			}
		}
		if users, sessions := count(t, db, `SELECT COUNT(*) FROM users`), count(t, db, `SELECT COUNT(*) FROM sessions`); users != 1 || sessions != 1 {
			t.Errorf("%d users, %d sessions", users, sessions)
		}
	})
}

func TestNoDriveNoAccount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, func(o *Options) { o.CreateDrive = noDrive })
		if _, err := n.Register(t.Context(), ann(), Client{}); !errors.Is(err, errDrive) || !fault.Is(err, fault.Internal) {
			t.Errorf("%v", err)
		}
		if users := count(t, db, `SELECT COUNT(*) FROM users`); users != 0 {
			t.Errorf("%d users were left behind", users)
		}
	})
}

func TestClosedRegistration(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	for _, setting := range []string{RegistrationClosed, "surprise"} {
		n := newNode(t, db, func(o *Options) { o.Registration = setting })
		_, err := n.Register(t.Context(), ann(), Client{})
		refused(t, "register", err, fault.Forbidden, "registration_closed")
		_, err = n.RegisterPage(t.Context(), ann(), Client{})
		refused(t, "register on the page", err, fault.Forbidden, "registration_closed")
	}
	n := newNode(t, db, func(o *Options) { o.Registration = RegistrationClosed })
	_, err := n.CreateUser(t.Context(), ann(), RoleAdmin)
	accepted(t, "the administrator", err)
}

// What comes from a stranger's headers is stored whatever it is made of.
func TestAnyClientCanBeWrittenDown(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		_, err := n.Register(t.Context(), ann(), Client{Address: "\xff\x00" + strings.Repeat("é", 90), UserAgent: strings.Repeat("\x00é", 900)})
		accepted(t, "register", err)
		var address, agent string
		if err := db.Row(t.Context(), `SELECT address, user_agent FROM sessions`, nil, &address, &agent); err != nil {
			t.Fatal(err)
		}
		if len(address) > 64 || len(agent) > 256 || slices.Contains([]string{address, agent}, "") {
			t.Errorf("address %q, agent %q", address, agent)
		}
	})
}
