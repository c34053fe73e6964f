package authn

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestAUsernameIsMadeUp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		for _, c := range []struct {
			r    Registration
			want string
		}{
			{Registration{Email: "Ann.Lee@example.org"}, `^ann\.lee$`},
			{Registration{Email: "ann.lee@example.net"}, `^ann\.lee-[a-z2-7]{7}$`}, // taken
			{Registration{Email: "ann+files@example.org"}, `^ann$`},
			{Registration{Email: "_x_@example.org"}, `^x$`},
			{Registration{Email: "用户@例子.中国"}, `^用户$`},
			{Registration{Email: "!#$@example.org"}, `^user-[a-z2-7]{7}$`},
			{Registration{Email: "4915112345678@sms.example.org"}, `^user-[a-z2-7]{7}$`}, // a phone number
			{Registration{Email: "a-very-long-name-of-somebody-who-has-many@example.org"}, `^.{2,24}$`},
			{Registration{Phone: "+4915112345678"}, `^user-[a-z2-7]{7}$`},
		} {
			c.r.Password = password
			s := n.register(t, c.r)
			if _, _, ok := usernameKey(s.User.Username); !ok || !regexp.MustCompile(c.want).MatchString(s.User.Username) {
				t.Errorf("%+v is called %q", c.r, s.User.Username)
			}
		}
	})
}

func TestMadeUpNamesOfManyAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes := []*node{newNode(t, db), newNode(t, db)}
		errs := together(10, func(i int) error {
			_, err := nodes[i%2].Register(t.Context(), Registration{Email: fmt.Sprintf("ann@example%d.org", i), Password: password}, visitor())
			return err
		})
		if made := successes(errs); made != 10 {
			t.Errorf("%d of 10: %v", made, errs)
		}
	})
}

func TestAnotherUsername(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		ann, bob := n.register(t, ann()), n.register(t, Registration{Username: "bob", Password: password})
		rename := func(id, to string) error {
			_, err := n.Rename(t.Context(), Principal{UserID: id}, to, Proof{Password: password}, visitor())
			return err
		}
		refused(t, "taken", rename(bob.User.ID, "ANN"), fault.Exists, "username_taken")
		refused(t, "none", rename(bob.User.ID, ""), fault.Invalid, "invalid_fields")
		refused(t, "invisible", rename(bob.User.ID, "\u3164"), fault.Invalid, "invalid_fields")
		accepted(t, "in another case", rename(ann.User.ID, "aNN"))
		accepted(t, "another", rename(ann.User.ID, "cid"))
		accepted(t, "the same", rename(ann.User.ID, "cid"))
		accepted(t, "which is free now", rename(bob.User.ID, "ann"))
		if p, err := n.Bearer(t.Context(), ann.AccessToken); err != nil || p.Username != "cid" {
			t.Errorf("the session says %q, %v", p.Username, err)
		}
		if s, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, visitor()); err != nil || s.User.ID != bob.User.ID {
			t.Errorf("%+v, %v", s.User, err)
		}
		if lines := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = $1`, AuditUsername); lines != 3 {
			t.Errorf("%d lines in the audit log", lines)
		}
		for i := 1; i < maxRenames; i++ {
			accepted(t, "often", rename(bob.User.ID, fmt.Sprintf("bob%d", i)))
		}
		refused(t, "too often", rename(bob.User.ID, "bob"), fault.TooMany, "too_many_renames")
		n.clock.advance(24 * time.Hour)
		accepted(t, "the day after", rename(bob.User.ID, "bob"))
	})
}
