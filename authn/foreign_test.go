package authn

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Whoever comes from another server signs in with the password from there, at any door, and has a hash of ours from then on.
func TestAHashOfAnotherServer(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, func(o *Options) {
			o.CreateDrive = func(context.Context, *sqldb.Tx, string) error { return nil }
		})
		blowfish, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		other := newHasher(1)
		other.cost = cost{memory: 128, time: 2, threads: 2}
		phc, err := other.hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		stored := func(name string) (hash string) {
			t.Helper()
			if err := db.Row(t.Context(), `SELECT password_hash FROM users WHERE username = $1`, []any{name}, &hash); err != nil {
				t.Fatal(err)
			}
			return hash
		}
		signIn := func(name, password string) error {
			_, err := n.Login(t.Context(), Credentials{Login: name, Password: password}, Client{Address: "192.0.2.1"})
			return err
		}
		byBasic := func(name, password string) error {
			_, err := n.Basic(t.Context(), name, password, Client{Address: "192.0.2.1"})
			return err
		}
		for _, c := range []struct {
			name, hash string
			by         func(name, password string) error
		}{{"ann", string(blowfish), signIn}, {"mia", phc, signIn}, {"eva", string(blowfish), byBasic}} {
			if _, err := n.Administer(Principal{}, Client{}).CreateUser(t.Context(), NewUser{Registration: Registration{Username: c.name}, Role: RoleUser, Hash: &c.hash}); err != nil {
				t.Fatal(err)
			}
			refused(t, c.name+" with a wrong password", c.by(c.name, "wrong horse"), fault.Unauthenticated, "invalid_credentials")
			if stored(c.name) != c.hash {
				t.Errorf("%s: the hash was replaced after a wrong password", c.name)
			}
			for range 2 {
				accepted(t, c.name, c.by(c.name, password))
				if hash := stored(c.name); !strings.HasPrefix(hash, "$argon2id$v=19$m=64,") {
					t.Errorf("%s: still has %s", c.name, hash)
				}
			}
		}
		_, err = n.Administer(Principal{}, Client{}).CreateUser(t.Context(), NewUser{Registration: Registration{Username: "nobody"}, Role: RoleUser, Hash: new("")})
		accepted(t, "an account without a password", err)
		for _, guess := range []string{"", password} {
			refused(t, "an account without a password", signIn("nobody", guess), fault.Unauthenticated, "invalid_credentials")
		}
		_, err = n.Administer(Principal{}, Client{}).CreateUser(t.Context(), NewUser{Registration: Registration{Username: "unix"}, Role: RoleUser, Hash: new("$6$salt$hash")})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("a hash that nobody here can verify: %v", err)
		}
	})
}

func TestForeignHashesAreBounded(t *testing.T) {
	for hash, want := range map[string]string{
		"$2a$10$" + strings.Repeat("a", 53):    "",
		"$2y$13$" + strings.Repeat("a", 53):    "",
		"$2a$14$" + strings.Repeat("a", 53):    "cost of 14",
		"$2a$10$short":                         "too short",
		"$2a$31$" + strings.Repeat("a", 53):    "cost of 31",
		"$2a$03$" + strings.Repeat("a", 53):    "cost 3",
		"$2a$10$" + strings.Repeat("!", 53):    "cannot hold",
		"$2a$10$" + strings.Repeat("a", 52):    "cut off",
		"$2a$10$" + strings.Repeat("a", 54):    "cut off",
		"$2a$10$" + strings.Repeat("a", 1<<20): "bytes long",
		"$argon2id$v=19$m=4194304,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":                      "out of bounds",
		"$argon2id$v=19$m=65536,t=1,p=2,keyid=a$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":                "not known here",
		"$argon2id$v=19$m=64,t=1,p=2$" + strings.Repeat("c29t", 1<<10) + "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": "bytes long",
		"$argon2id$v=19$m=65536,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":                        "",
		"$argon2id$v=19$m=262144,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":                       "262144 KiB",
		"$argon2id$v=19$m=65536,t=60,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc":                       "60 passes",
		"$pbkdf2-sha256$150000$E86a9YMX3zC7$R5J62hsSq+pYw00hLLPKBbcGXmq7fj5+/M0IFoYtZbo=":                               "not argon2id",
		"plain": "not argon2id",
	} {
		err := CheckForeignHash(hash)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", hash, err, want)
		}
	}
}

// Hashes that take more memory than ours wait for each other, and nobody else waits for them.
func TestLargeHashesWaitForEachOther(t *testing.T) {
	h, other := newHasher(3), newHasher(1)
	other.cost.memory = 2 * h.cost.memory
	own, err := h.hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	large, err := other.hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if ok, outdated, err := h.verify(t.Context(), large, password); !ok || !outdated || err != nil {
		t.Errorf("a large hash: %v, %v, %v", ok, outdated, err)
	}
	h.large <- struct{}{} // as while another one is computed
	if ok, _, err := h.verify(t.Context(), own, password); !ok || err != nil {
		t.Errorf("a hash of ours beside a large one: %v, %v", ok, err)
	}
	waiting, stop := context.WithCancel(t.Context())
	stop()
	if ok, _, err := h.verify(waiting, large, password); ok || err == nil {
		t.Errorf("a second large hash: %v, %v", ok, err)
	}
}
