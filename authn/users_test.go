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

func TestSearchingForUsers(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		for _, r := range []Registration{
			{Username: "Anna", Email: "a@Example.org", Phone: "+4915112345678"},
			{Username: "annika"},
			{Username: "Bob", Email: "anton@example.net"},
			{Username: "Öz", Phone: "+12025550123"},
		} {
			r.Password = password
			_, err := n.CreateUser(t.Context(), r, map[bool]Role{true: RoleAdmin, false: RoleUser}[r.Username == "Bob"])
			accepted(t, r.Username, err)
		}
		accepted(t, "disable", n.SetDisabled(t.Context(), "annika", true))
		for _, c := range []struct {
			filter UserFilter
			want   string
		}{
			{UserFilter{}, "Anna annika Bob Öz"},
			{UserFilter{Search: "AN"}, "Anna annika Bob"},
			{UserFilter{Search: "ann"}, "Anna annika"},
			{UserFilter{Search: "anna"}, "Anna"},
			{UserFilter{Search: "öz"}, "Öz"},
			{UserFilter{Search: "O\u0308Z"}, "Öz"},
			{UserFilter{Search: "A@EXAMPLE"}, "Anna"},
			{UserFilter{Search: "+49151"}, "Anna"},
			{UserFilter{Search: "+1"}, "Öz"},
			{UserFilter{Search: "nobody"}, ""},
			{UserFilter{Search: "%"}, ""},
			{UserFilter{Search: "_"}, ""},
			{UserFilter{Search: "'"}, ""},
			{UserFilter{Disabled: new(true)}, "annika"},
			{UserFilter{Disabled: new(false)}, "Anna Bob Öz"},
			{UserFilter{Role: RoleAdmin}, "Bob"},
			{UserFilter{Role: RoleUser, Search: "an", Disabled: new(false)}, "Anna"},
			{UserFilter{Order: ByName}, "Anna annika Bob Öz"},
			{UserFilter{Order: NewestFirst}, "Öz Bob annika Anna"},
			{UserFilter{Order: NewestFirst, Search: "an"}, "Bob annika Anna"},
			{UserFilter{Order: ByName, Search: "an"}, "Anna annika Bob"},
		} {
			for _, limit := range []int{0, 1, 2} {
				var names []string
				f := c.filter
				for f.Limit = limit; ; {
					users, err := n.Users(t.Context(), f)
					accepted(t, fmt.Sprint(f), err)
					for _, u := range users {
						names = append(names, u.Username)
						f.After = f.AfterUser(u)
					}
					if len(users) == 0 {
						break
					}
				}
				if got := strings.Join(names, " "); got != c.want {
					t.Errorf("%+v, %d at a time: %q, want %q", c.filter, limit, got, c.want)
				}
			}
		}
		for what, f := range map[string]UserFilter{
			"too long":        {Search: strings.Repeat("x", MaxSearch+1)},
			"not UTF-8":       {Search: "\xff"},
			"NUL":             {Search: "a\x00"},
			"a strange role":  {Role: "king"},
			"a strange order": {Order: "beauty"},
			"a strange place": {Order: ByName, After: "a/b"},
		} {
			_, err := n.Users(t.Context(), f)
			refused(t, what, err, fault.Invalid, "invalid_fields")
		}
	})
}

// A page of a long list, and what is found in it, costs what it answers: no query reads all accounts.
func TestListingManyUsersReadsIndexes(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	for what, c := range map[string]struct {
		filter UserFilter
		want   []string
	}{
		"a page":      {UserFilter{After: "x", Limit: 10}, []string{"SEARCH users USING INDEX sqlite_autoindex_users_1 (id>?)"}},
		"by name":     {UserFilter{Order: ByName, After: "x", Limit: 10}, []string{"SEARCH users USING INDEX sqlite_autoindex_users_2 (username_key>?)"}},
		"newest":      {UserFilter{Order: NewestFirst, Limit: 10}, []string{"SEARCH users USING INDEX sqlite_autoindex_users_1 (id<?)"}},
		"disabled":    {UserFilter{Disabled: new(true)}, []string{"users_disabled (id>?)"}},
		"admins":      {UserFilter{Role: RoleAdmin}, []string{"users_admins (id>?)"}},
		"what begins": {UserFilter{Search: "ann"}, []string{"(username_key>? AND username_key<?)", "(email_key>? AND email_key<?)", "(phone>? AND phone<?)", "SEARCH users USING INDEX sqlite_autoindex_users_1 (id=?"}},
	} {
		plan := planOf(t, db, func() (string, []any, error) { return c.filter.query(db.Engine()) })
		for _, want := range c.want {
			if !strings.Contains(plan, want) {
				t.Errorf("%s: %q is not in\n%s", what, want, plan)
			}
		}
		if strings.Contains(plan, "SCAN users") {
			t.Errorf("%s: all accounts are read:\n%s", what, plan)
		}
	}
}

func TestCountingUsers(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		accepted(t, "disable", f.SetDisabled(t.Context(), "zoe", true))
		if c, err := f.CountUsers(t.Context()); err != nil || c != (UserCounts{All: 3, Disabled: 1, Administrators: 1}) {
			t.Errorf("%+v, %v", c, err)
		}
		accepted(t, "close", f.by(f.ann).Delete(t.Context(), f.zoe.ID))
		if c, err := f.CountUsers(t.Context()); err != nil || c != (UserCounts{All: 2, Administrators: 1}) {
			t.Errorf("without the one that is closed: %+v, %v", c, err)
		}
	})
}

// Whoever was signed in or came with an app password was seen; of anybody else nothing is known.
func TestWhenUsersWereSeen(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		ctx := t.Context()
		_, err := f.Login(ctx, Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		signedIn := f.o.Now()
		_, secret, err := f.CreateAppPasswordFor(ctx, "bob", NewAppPassword{Name: "phone"})
		accepted(t, "app password", err)
		f.clock.advance(time.Hour)
		_, err = f.Basic(ctx, "bob", secret, Client{})
		accepted(t, "Basic", err)
		seen, err := f.LastSeen(ctx, []string{f.ann.ID, f.bob.ID, f.zoe.ID, `"]`, sqldb.NewID()})
		near := func(got, want time.Time) bool { return got.Sub(want).Abs() < 5*time.Minute }
		if err != nil || len(seen) != 2 || !near(seen[f.ann.ID], signedIn) || !near(seen[f.bob.ID], signedIn.Add(time.Hour)) {
			t.Errorf("%v, %v; signed in %v", seen, err, signedIn)
		}
		if seen, err := f.LastSeen(ctx, nil); err != nil || len(seen) != 0 {
			t.Errorf("of nobody: %v, %v", seen, err)
		}
	})
}

// planOf is how SQLite runs a query.
func planOf(t *testing.T, db *sqldb.DB, query func() (string, []any, error)) string {
	t.Helper()
	text, args, err := query()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	err = db.Each(t.Context(), `EXPLAIN QUERY PLAN `+text, args, func(scan sqldb.Scan) error {
		var id, parent, unused int64
		var detail string
		err := scan(&id, &parent, &unused, &detail)
		plan.WriteString(detail + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// Many accounts are paged through without one being missed or told twice.
func TestPagingThroughManyUsers(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		const users = 5000
		accepted(t, "many", db.Update(t.Context(), func(tx *sqldb.Tx) error {
			for i := range users {
				if _, err := tx.Exec(t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $2, $2, '', 0)`,
					sqldb.NewID(), fmt.Sprintf("user%d", i)); err != nil {
					return err
				}
			}
			return nil
		}))
		seen := map[string]bool{}
		var f UserFilter
		for {
			page, err := n.Users(t.Context(), f)
			accepted(t, "page", err)
			if len(page) > MaxUsers {
				t.Fatalf("%d at once", len(page))
			}
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				if seen[u.ID] || u.ID <= f.After {
					t.Fatalf("%s comes twice", u.ID)
				}
				seen[u.ID], f.After = true, u.ID
			}
		}
		if len(seen) != users {
			t.Errorf("%d of %d", len(seen), users)
		}
	})
}
