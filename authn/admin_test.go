package authn

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestAdministration(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		drives := 0
		n := newNode(t, db, func(o *Options) {
			o.CreateDrive = func(context.Context, *sqldb.Tx, string) error { drives++; return nil }
		})
		for i := range 5 {
			u, err := n.CreateUser(t.Context(), Registration{Username: fmt.Sprintf("user%d", i), Password: password}, RoleAdmin)
			if err != nil || u.Role != RoleAdmin {
				t.Fatalf("%+v, %v", u, err)
			}
		}
		if drives != 5 {
			t.Errorf("%d drives", drives)
		}
		_, err := n.CreateUser(t.Context(), Registration{Username: "USER1", Password: password}, RoleUser)
		refused(t, "a taken name", err, fault.Exists, "username_taken")
		_, err = n.CreateUser(t.Context(), Registration{Username: "x", Password: password}, "king")
		refused(t, "a strange role", err, fault.Invalid, "invalid_fields")

		var names []string
		after := ""
		for {
			page, err := n.Users(t.Context(), UserFilter{After: after, Limit: 2})
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				names = append(names, u.Username)
			}
			after = page[len(page)-1].ID
		}
		if got := fmt.Sprint(names); got != "[user0 user1 user2 user3 user4]" {
			t.Errorf("users %s", got)
		}

		s, err := n.Login(t.Context(), Credentials{Login: "user3", Password: password}, Client{})
		accepted(t, "sign in", err)
		accepted(t, "delete", n.DeleteUser(t.Context(), "User3"))
		_, err = n.Bearer(t.Context(), s.AccessToken)
		refused(t, "a deleted user", err, fault.Unauthenticated, "session_ended")
		for _, table := range []string{"sessions", "refresh_tokens", "tickets"} {
			if rows := count(t, db, `SELECT COUNT(*) FROM `+table); rows != 0 {
				t.Errorf("%d rows in %s", rows, table)
			}
		}
		for what, err := range map[string]error{
			"delete":   n.DeleteUser(t.Context(), "user3"),
			"password": n.SetPassword(t.Context(), "user3", password),
			"disable":  n.SetDisabled(t.Context(), "a\x00b", true),
		} {
			refused(t, what, err, fault.NotFound, "no_such_account")
		}
		refused(t, "a short password", n.SetPassword(t.Context(), "user1", "short"), fault.Invalid, "invalid_fields")
	})
}

func TestSweepDropsWhatHasEnded(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, func(o *Options) { o.PageTTL = time.Hour })
		check := func(when string, sessions, tokens, tickets int) {
			t.Helper()
			accepted(t, "sweep", n.Sweep(t.Context()))
			for table, want := range map[string]int{"sessions": sessions, "refresh_tokens": tokens, "tickets": tickets} {
				if got := count(t, db, `SELECT COUNT(*) FROM `+table); got != want {
					t.Errorf("%s: %d rows in %s, want %d", when, got, table, want)
				}
			}
		}
		s := n.register(t, ann())
		_, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "page", err)
		out, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		check("at the start", 3, 2, 2)

		p, err := n.Bearer(t.Context(), out.AccessToken)
		accepted(t, "bearer", err)
		accepted(t, "sign out", n.Logout(t.Context(), p, Client{}))
		check("after a sign-out", 2, 1, 1)
		n.clock.advance(n.o.TicketTTL)
		check("when the ticket is old", 2, 1, 0)
		n.clock.advance(time.Hour)
		check("when the page has ended", 1, 1, 0)

		next, err := n.Refresh(t.Context(), s.RefreshToken, Client{})
		accepted(t, "refresh", err)
		check("a used token is kept for telling that it is used again", 1, 2, 1)
		n.clock.advance(n.o.RefreshTTL - time.Minute)
		_, err = n.Refresh(t.Context(), next.RefreshToken, Client{})
		accepted(t, "refresh", err)
		check("until it would have expired", 1, 2, 1)
		n.clock.advance(n.o.RefreshTTL)
		check("when the session has ended", 0, 0, 0)
	})
}
