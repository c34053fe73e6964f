package authn

import (
	"slices"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What each change takes away from those who are in the middle of a request, in this order: a token, a page, the password, an app password, and
// somebody else's token.
func TestStand(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, n *node, all []Principal) error
		want   []bool
	}{
		{"nothing", func(*testing.T, *node, []Principal) error { return nil }, []bool{true, true, true, true, true}},
		{"the app signs out", func(t *testing.T, n *node, all []Principal) error { return n.Logout(t.Context(), all[0], Client{}) },
			[]bool{false, true, true, true, true}},
		{"the page ends all others", func(t *testing.T, n *node, all []Principal) error {
			_, err := n.EndSessions(t.Context(), all[1], false, Client{})
			return err
		}, []bool{false, true, true, true, true}},
		{"the page changes the password", func(t *testing.T, n *node, all []Principal) error {
			return n.ChangePassword(t.Context(), all[1], Proof{Password: password}, "battery staple", Client{})
		}, []bool{false, true, false, true, true}},
		{"the app password is revoked", func(t *testing.T, n *node, all []Principal) error {
			return n.RevokeAppPassword(t.Context(), all[1], all[3].AppPassword, Client{})
		}, []bool{true, true, true, false, true}},
		{"a second factor is set", func(t *testing.T, n *node, _ []Principal) error {
			_, err := n.db.Exec(t.Context(), `UPDATE users SET factor_at = 1 WHERE username = 'Ann'`)
			return err
		}, []bool{true, true, false, true, true}},
		{"time passes", func(_ *testing.T, n *node, _ []Principal) error { n.clock.advance(24 * time.Hour); return nil },
			[]bool{true, true, true, false, true}}, // the app password was for an hour
		{"the account is disabled", func(t *testing.T, n *node, _ []Principal) error { return n.SetDisabled(t.Context(), "ann", true) },
			[]bool{false, false, false, false, true}},
		{"the account is deleted", func(t *testing.T, n *node, _ []Principal) error { return n.DeleteUser(t.Context(), "ann") },
			[]bool{false, false, false, false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				n := newNode(t, db)
				app := n.bearer(t, n.register(t, ann()))
				opened, err := n.LoginPage(t.Context(), "ann", password, Client{})
				accepted(t, "page", err)
				page, err := n.Cookie(t.Context(), opened.Cookie)
				accepted(t, "cookie", err)
				basic, err := n.Basic(t.Context(), "ann", password, Client{})
				accepted(t, "basic", err)
				_, secret, err := n.CreateAppPasswordFor(t.Context(), "ann", NewAppPassword{Name: "camera", Expires: n.clock.now().Add(time.Hour)})
				accepted(t, "app password", err)
				device, err := n.Basic(t.Context(), "ann", secret, Client{})
				accepted(t, "basic", err)
				bob := n.bearer(t, n.register(t, Registration{Username: "bob", Password: password}))
				all := []Principal{app, page, basic, device, bob}
				accepted(t, "change", c.change(t, n.beside(t), all))
				got, err := n.Stand(t.Context(), all)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%v, %v; want %v", got, err, c.want)
				}
				// However many ask, and whoever is nobody.
				many := append(slices.Repeat(all, 300), Principal{}, Principal{UserID: app.UserID})
				if got, err = n.Stand(t.Context(), many); err != nil || !slices.Equal(got[:5], c.want) || got[1500] || got[1501] {
					t.Errorf("of many: %v", err)
				}
			})
		})
	}
}
