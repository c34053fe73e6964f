package authn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// oldSteps are the migrations of the last Satchel whose accounts were a name and a password.
const oldSteps = 4

// openOld opens a database as that Satchel left it.
func openOld(t *testing.T, location string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), location, sqldb.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted(t, "close", db.Close()) })
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(`CREATE TABLE schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL)`)
	files, err := filepath.Glob("../sqldb/migrations/*." + string(db.Engine()) + ".sql") // in order
	if err != nil || len(files) <= oldSteps {
		t.Fatal(files, err)
	}
	for i, file := range files[:oldSteps] {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for statement := range strings.SplitSeq(string(script), ";\n") {
			if strings.TrimSpace(statement) != "" {
				exec(statement)
			}
		}
		exec(`INSERT INTO schema_steps (number, name) VALUES ($1, $2)`, i+1, filepath.Base(file))
	}
	return db
}

// Accounts, sessions and tokens of before there were second factors, codes and identities go on as they are.
func TestAnOldDatabaseIsMigratedWithItsAccounts(t *testing.T) {
	for engine, location := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "satchel.db") },
		"postgres": func(t *testing.T) string { return sqldbtest.PostgresURL(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			db := openOld(t, location(t))
			n := newNode(t, db)
			hash, err := n.hasher.hash(t.Context(), password)
			accepted(t, "hash", err)
			now, later := n.now(), n.now()+time.Hour.Microseconds()
			id, apps, browser := sqldb.NewID(), sqldb.NewID(), sqldb.NewID()
			refresh, refreshHash := newSecret()
			cookie, cookieHash := newSecret()
			for _, row := range []struct {
				insert string
				args   []any
			}{
				{`INSERT INTO users (id, username, username_key, email, email_key, phone, password_hash, role, created_at) VALUES ($1, 'Ann', 'ann', 'Ann@Example.org', 'ann@example.org', '+4915112345678', $2, 'admin', $3)`,
					[]any{id, hash, now}},
				{`INSERT INTO users (id, username, username_key, password_hash, created_at, disabled_at) VALUES ($1, 'bob', 'bob', $2, $3, $3)`, []any{sqldb.NewID(), hash, now}},
				{`INSERT INTO drives (id, root_id, quota, created_at) VALUES ($1, 'root', 5000, $2)`, []any{id, now}},
				{`INSERT INTO sessions (id, user_id, kind, created_at, seen_at, expires_at) VALUES ($1, $2, 'token', $3, $3, $4)`, []any{apps, id, now, later}},
				{`INSERT INTO sessions (id, user_id, kind, cookie, created_at, seen_at, expires_at) VALUES ($1, $2, 'page', $3, $4, $4, $5)`, []any{browser, id, cookieHash, now, later}},
				{`INSERT INTO refresh_tokens (hash, session_id, created_at) VALUES ($1, $2, $3)`, []any{refreshHash, apps, now}},
			} {
				if _, err := db.Exec(t.Context(), row.insert, row.args...); err != nil {
					t.Fatalf("%s: %v", row.insert, err)
				}
			}
			accepted(t, "a key of before", n.keys.ready(t.Context()))

			ran, err := db.Migrate(t.Context())
			if err != nil || len(ran) == 0 || ran[0] != "0005_accounts" {
				t.Fatalf("migrated by %v: %v", ran, err)
			}
			for _, login := range []string{"ann", "ANN@example.org", "+49 151 12345678"} {
				s, err := n.Login(t.Context(), Credentials{Login: login, Password: password}, Client{})
				if err != nil || s.User.ID != id || s.User.Role != RoleAdmin || s.User.SecondFactor || s.User.EmailVerified || s.User.PhoneVerified {
					t.Errorf("%s signs in as %+v: %v", login, s.User, err)
				}
				if _, err := n.Basic(t.Context(), login, password, Client{}); err != nil {
					t.Errorf("Basic as %s: %v", login, err)
				}
			}
			_, err = n.Login(t.Context(), Credentials{Login: "bob", Password: password}, Client{})
			refused(t, "a disabled account", err, fault.Forbidden, "account_disabled")
			who, err := n.Cookie(t.Context(), cookie)
			if err != nil || who.UserID != id || who.SessionID != browser {
				t.Errorf("the browser is %+v: %v", who, err)
			}
			s, err := n.Refresh(t.Context(), refresh, Client{})
			accepted(t, "the app's refresh token", err)
			if p, err := n.Bearer(t.Context(), s.AccessToken); err != nil || p.SessionID != apps {
				t.Errorf("the app is %+v: %v", p, err)
			}
			if quota := count(t, db, `SELECT quota FROM drives WHERE id = $1 AND closed_at = 0`, id); quota != 5000 {
				t.Errorf("the drive may hold %d bytes", quota)
			}
			n.turnOn(t, who) // what is new works for who was there before
			_, err = n.Basic(t.Context(), "ann", password, Client{})
			refused(t, "beside a second factor", err, fault.Unauthenticated, "app_password_required")
		})
	}
}
