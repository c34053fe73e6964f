package moving

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Accounts of another server come with their passwords, quotas and files. Who is here already stays as it is unless it is said that this one is meant, and then
// gets what is missing.
func TestHouseholds(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const password = "correct horse battery"
		blowfish, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		hash, top := string(blowfish), t.TempDir()
		write(t, top, "eva/a=one", "eva/b/c=two", "kim/d=12345", "kim/e=67890", "ann/f=three", "team/g=four", "off/h=five")
		of := func(name string) string { return filepath.Join(top, name) }
		houses := []Household{
			{Name: "eva", Email: "eva@example.org", Hash: hash, Folders: []Belonging{{of("eva"), drive.Root}, {of("team"), "/shared/team"}}, Notes: []string{"had 2 shares"}},
			{Name: "kim", Email: "eva@example.org", Hash: "$6$salt$hash", Quota: new(int64(7)), Folders: []Belonging{{of("kim"), drive.Root}, {of("team"), "/t"}}},
			{Name: "ann", Hash: hash, Quota: new(int64(1)), Folders: []Belonging{{of("ann"), drive.Root}}},
			{Name: "off@example.org", Hash: hash, Disabled: true, Folders: []Belonging{{of("off"), drive.Root}, {of("never made"), "/x"}}},
			{Name: "no name!", Hash: hash, Folders: []Belonging{{of("eva"), drive.Root}}},
			{Name: "stays", Left: fault.New(fault.Invalid, "test", "Its files are elsewhere.")},
		}
		take := func(dry, existing bool) (sum Sum) {
			t.Helper()
			h := Households{In: f.in(""), Accounts: f.accounts, Existing: existing}
			h.AtOnce, h.DryRun = 1, dry
			for _, from := range houses {
				took, err := h.Take(t.Context(), from)
				if err != nil {
					t.Errorf("%s: %v", from.Name, err)
				}
				sum.Add(took)
			}
			return sum
		}
		if got := take(true, false); got.Moved != 7+2 || got.Left != 2 || got.Failed != 1 {
			t.Errorf("a dry run: %+v", got)
		}
		f.told = nil
		for _, name := range []string{"eva", "kim", "off@example.org"} {
			if _, err := f.accounts.UserByLogin(t.Context(), name); !fault.Is(err, fault.NotFound) {
				t.Fatalf("a dry run made %s: %v", name, err)
			}
		}

		if got := take(false, false); got.Moved != 5 || got.Left != 2 || got.Failed != 3 {
			t.Errorf("the first run: %+v; told %q", got, f.told)
		}
		f.wantTold("noted eva : has an account", "noted eva : had 2 shares",
			"noted kim : has no password here", `noted kim : the e-mail address "eva@example.org" was left out: Another account has this`, "noted kim : has an account", "failed kim : The drive",
			"failed ann : There is an account of this name already. With --existing",
			"noted off@example.org : has an account", "left out off@example.org : "+of("never made")+" is not there", "failed no name! : Some fields are not valid", "left out stays : Its files")

		signIn := func(login string) error {
			_, err := f.accounts.Login(t.Context(), authn.Credentials{Login: login, Password: password}, authn.Client{})
			return err
		}
		id := func(login string) string {
			t.Helper()
			u, err := f.accounts.UserByLogin(t.Context(), login)
			if err != nil {
				t.Fatal(err)
			}
			return u.ID
		}
		if err := signIn("eva"); err != nil {
			t.Errorf("eva cannot sign in with the password from there: %v", err)
		}
		if err := signIn("kim"); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("kim, who has no password, signs in: %v", err)
		}
		if err := signIn("off@example.org"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("whoever was disabled signs in: %v", err)
		}
		if got := f.tree(id("eva"), "/", false); got != "a=one b/ b/c=two shared/ shared/team/ shared/team/g=four" {
			t.Errorf("eva has %s", got)
		}

		more := int64(100)
		if _, err := f.accounts.Administer(authn.Principal{}, authn.Client{}).Change(t.Context(), id("kim"), authn.UserChange{Quota: &more}); err != nil {
			t.Fatal(err)
		}
		if got := take(false, true); got.Moved != 2+1 || got.Same != 3+1+1 || got.Failed != 1 {
			t.Errorf("again, with those that are here: %+v; told %q", got, f.told)
		}
		if u, err := f.Usage(t.Context(), f.ann); err != nil || u.Quota >= 0 {
			t.Errorf("the quota of an account that was here was changed: %+v, %v", u, err)
		}
		if got := f.tree(id("kim"), "/", false); got != "d=12345 e=67890 t/ t/g=four" {
			t.Errorf("kim has %s", got)
		}
	})
}

// Who are two on a server that tells their names apart are not made one here, whatever is said of accounts that are there.
func TestTwoHouseholdsOfOneName(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		top := t.TempDir()
		write(t, top, "eva/a=eva's", "Eva/b=not eva's", "e@example.org/c=of one", "E@example.org/d=of another")
		for _, existing := range []bool{false, true} {
			h := Households{In: f.in(""), Accounts: f.accounts, Existing: existing}
			for name, want := range map[string]Sum{"eva": {Moved: 1}, "e@example.org": {Moved: 1}} {
				if existing {
					want = Sum{Same: 1}
				}
				sum, err := h.Take(t.Context(), Household{Name: name, Folders: []Belonging{{filepath.Join(top, name), drive.Root}}})
				wantSum(t, name, sum, err, want)
				f.told = nil
				other := strings.ToUpper(name[:1]) + name[1:]
				sum, err = h.Take(t.Context(), Household{Name: other, Folders: []Belonging{{filepath.Join(top, other), drive.Root}}})
				wantSum(t, other, sum, err, Sum{Failed: 1})
				f.wantTold("failed " + other + " : Here its name is that of another account")
			}
		}
		for login, want := range map[string]string{"eva": "a=eva's", "e@example.org": "c=of one"} {
			if u, err := f.accounts.UserByLogin(t.Context(), login); err != nil || f.tree(u.ID, "/", false) != want {
				t.Errorf("%s has %s, %v", login, f.tree(u.ID, "/", false), err)
			}
		}
	})
}

// What lay under a virtual folder was not seen by the user there, and does not come in place of what was.
func TestAFolderOverAnother(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		top := t.TempDir()
		write(t, top, "home/a=home", "home/x/a=under it", "home/x/deep/b=under it", "home/y/x/a=beside", "team/a=of the team", "more/b=of others")
		of := func(name string) string { return filepath.Join(top, name) }
		h := Households{In: f.in(""), Accounts: f.accounts}
		sum, err := h.Take(t.Context(), Household{Name: "eva", Folders: []Belonging{{of("home"), drive.Root}, {of("team"), "/x"}, {of("more"), "/x/deep"}}})
		wantSum(t, "in", sum, err, Sum{Moved: 4, Left: 1})
		f.wantTold("noted eva : has no password", "noted eva : has an account", "left out eva x: another folder was in its place")
		if u, err := f.accounts.UserByLogin(t.Context(), "eva"); err != nil || f.tree(u.ID, "/", false) != "a=home x/ x/a=of the team x/deep/ x/deep/b=of others y/ y/x/ y/x/a=beside" {
			t.Errorf("eva has %s, %v", f.tree(u.ID, "/", false), err)
		}
	})
}
