package authn

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Each row is a script: names of tokens that are refreshed in turn, where "a>b" refreshes a and calls the answer b,
// "+5s" lets time pass, and "a!code" wants a refusal. "a" is the token of the sign-in.
func TestRefreshTokensRotate(t *testing.T) {
	scripts := []struct{ what, script string }{
		{"a chain", "a>b b>c c>d"},
		{"a chain over months", "a>b +700h b>c +700h c>d +700h d>e"},
		{"too late", "a>b +721h b!invalid_refresh_token"},
		{"an answer was lost", "a>b +5s a>c c>d"},
		{"it was not lost after all", "a>b +5s a>c b>d"},
		{"every answer but the third was lost", "a>b a>c a>d d>e"},
		{"a loser's answer is used up with the winner's", "a>b a>c b>d +11s c!refresh_reused d!invalid_refresh_token"},
		{"asked again too late", "a>b +11s a!refresh_reused b!invalid_refresh_token"},
		{"asked again after the answer was used", "a>b b>c a!refresh_reused c!invalid_refresh_token"},
		{"a thief is quicker", "a>x x>y +1h a!refresh_reused y!invalid_refresh_token"},
		{"a thief is slower", "a>b +1h a!refresh_reused b!invalid_refresh_token"},
		{"a thief within the grace is found out at the next turn", "a>b a>x +1h x>y +1h b!refresh_reused y!invalid_refresh_token"},
		{"asked without end", "a>b a>c a>d a>e a>f a>g a>h a>i a!refresh_too_often i>j"},
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for i, c := range scripts {
			t.Run(c.what, func(t *testing.T) {
				n := newNode(t, db)
				runScript(t, n, n.register(t, Registration{Username: fmt.Sprintf("user%d", i), Password: password}), c.script)
				if want := strings.Count(c.script, "refresh_reused"); n.events.count(EventRefreshReused) != want {
					t.Errorf("events %v", n.events.seen)
				}
			})
		}
	})
}

func runScript(t *testing.T, n *node, first SignIn, script string) {
	t.Helper()
	tokens := map[string]string{"a": first.RefreshToken}
	for step := range strings.FieldsSeq(script) {
		if wait, ok := strings.CutPrefix(step, "+"); ok {
			d, err := time.ParseDuration(wait)
			if err != nil {
				t.Fatal(err)
			}
			n.clock.advance(d)
			continue
		}
		if old, code, ok := strings.Cut(step, "!"); ok {
			kind := fault.Unauthenticated
			if code == "refresh_too_often" {
				kind = fault.TooMany
			}
			_, err := n.Refresh(t.Context(), tokens[old], Client{})
			refused(t, step, err, kind, code)
			continue
		}
		old, next, _ := strings.Cut(step, ">")
		s, err := n.Refresh(t.Context(), tokens[old], Client{})
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if s.User.ID != first.User.ID || s.RefreshToken == tokens[old] || s.Ticket == "" {
			t.Errorf("%s: %+v", step, s)
		}
		_, err = n.Bearer(t.Context(), s.AccessToken)
		accepted(t, step, err)
		tokens[next] = s.RefreshToken
	}
}

func TestRefreshReuseAttackEndsAccessToo(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		other, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in elsewhere", err)
		next, err := n.Refresh(t.Context(), s.RefreshToken, Client{})
		accepted(t, "refresh", err)
		n.clock.advance(time.Minute)
		_, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		refused(t, "again", err, fault.Unauthenticated, "refresh_reused")
		_, err = n.Bearer(t.Context(), next.AccessToken)
		refused(t, "its access token", err, fault.Unauthenticated, "session_ended")
		_, err = n.RedeemTicket(t.Context(), next.Ticket, Client{})
		refused(t, "its ticket", err, fault.Unauthenticated, "invalid_ticket")
		_, err = n.Bearer(t.Context(), other.AccessToken)
		accepted(t, "the other session", err)
	})
}

func TestNoRefreshToken(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		made, _ := newSecret()
		for _, token := range []string{"", "x", "\x00", strings.Repeat("x", 1<<20), made, s.AccessToken, s.Ticket} {
			_, err := n.Refresh(t.Context(), token, Client{})
			refused(t, token[:min(len(token), 20)], err, fault.Unauthenticated, "invalid_refresh_token")
		}
	})
}

// Several requests of one client that refresh at the same moment all get on, and what any of them got works.
func TestOneTokenRefreshedByManyAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		got := make([]SignIn, maxSuccessors)
		for _, err := range together(len(got), func(i int) (err error) {
			got[i], err = n.Refresh(t.Context(), s.RefreshToken, Client{})
			return err
		}) {
			accepted(t, "one of many", err)
		}
		for _, g := range got {
			_, err := n.Bearer(t.Context(), g.AccessToken)
			accepted(t, "its access token", err)
		}
		_, err := n.Refresh(t.Context(), got[3].RefreshToken, Client{})
		accepted(t, "any of the successors", err)
	})
}

func TestSecretsAreStoredAsHashes(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	s := n.register(t, ann())
	page, err := n.LoginPage(t.Context(), "ann", password, Client{})
	accepted(t, "page", err)
	for query, secret := range map[string]string{
		`SELECT hash FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE kind = 'token')`: s.RefreshToken,
		`SELECT hash FROM tickets`:                               s.Ticket,
		`SELECT cookie FROM sessions WHERE cookie IS NOT NULL`:   page.Cookie,
		`SELECT password_hash FROM users WHERE username = 'Ann'`: password,
	} {
		var stored []byte
		if err := n.db.Row(t.Context(), query, nil, &stored); err != nil {
			t.Fatal(err)
		}
		if len(stored) < 32 || strings.Contains(string(stored), secret) {
			t.Errorf("%s: %q", query, stored)
		}
	}
}
