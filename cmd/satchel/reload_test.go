package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Each setting that changes with a reload does so: what happens is another thing afterwards, in rooms that stay open.
func TestEachLiveSettingIsTakenUp(t *testing.T) {
	live := map[string]bool{}
	c := config.Default()
	for _, s := range c.Settings() {
		if s.Live {
			live[s.Key] = true
		}
	}
	put := func(f *reloading, path drive.Path, size int) error {
		_, _, err := f.in.drives.Put(t.Context(), f.user, path, strings.NewReader(strings.Repeat("x", size)), drive.PutOptions{Size: int64(size)})
		return err
	}
	begin := func(f *reloading) (drive.Upload, error) {
		return f.in.drives.BeginUpload(t.Context(), f.user, drive.NewUpload{Length: 100, Name: "upload"})
	}
	for key, test := range map[string]struct {
		before, after string
		// happens reports whether what happens is as the setting says after it was changed.
		happens func(f *reloading) bool
	}{
		"log_level":   {"info", "error", func(f *reloading) bool { return f.level.Level() == slog.LevelError }},
		"deny_names":  {"", "*.exe", func(f *reloading) bool { return fault.Is(put(f, "/a.exe", 1), fault.Forbidden) }},
		"allow_types": {"", "image/*", func(f *reloading) bool { return put(f, "/a.txt", 1) != nil }},
		"quota":       {"0", "1000", func(f *reloading) bool { return f.quota(t, f.newUser(t)) == 1000 }},
		"max_file":    {"0", "10", func(f *reloading) bool { return fault.Is(put(f, "/large", 11), fault.TooLarge) }},
		"upload_expiry": {"1d", "1h", func(f *reloading) bool {
			u, err := begin(f)
			return err == nil && time.Until(u.Expires) < 2*time.Hour
		}},
		"upload_max_age": {"0s", "1h", func(f *reloading) bool {
			u, err := begin(f)
			return err == nil && time.Until(u.Expires) < 2*time.Hour
		}},
		"max_open_uploads": {"10", "1", func(f *reloading) bool {
			_, first := begin(f)
			_, second := begin(f)
			return errors.Join(first, second) != nil
		}},
		"trash_expiry": {"30d", "1h", func(f *reloading) bool {
			err := errors.Join(put(f, "/gone", 1), f.in.drives.Trash(t.Context(), f.user, "/gone", drive.Guard{}))
			all, _, listed := f.in.drives.TrashList(t.Context(), f.user, "", 1)
			return err == nil && listed == nil && len(all) == 1 && time.Until(all[0].Expires) < 2*time.Hour
		}},
		"versions": {"20", "0", func(f *reloading) bool {
			err := errors.Join(put(f, "/often", 1), put(f, "/often", 2))
			used := f.used(t)
			return err == nil && used == 2
		}},
		"scrub_every": {"30d", "1h", func(f *reloading) bool {
			st, err := f.in.drives.ScrubStanding(t.Context())
			return err == nil && st.Every == time.Hour
		}},
		"registration": {"open", "closed", func(f *reloading) bool {
			_, err := f.in.accounts.Register(t.Context(), authn.Registration{Username: "stranger", Password: "correct horse battery"}, authn.Client{})
			return fault.Is(err, fault.Forbidden) && !f.in.accounts.Newcomers().Open()
		}},
		"audit_expiry": {"365d", "1h", func(f *reloading) bool {
			_, changed := f.in.db.Exec(t.Context(), `UPDATE audit SET at = at - 7200000000`)
			swept := f.in.accounts.Sweep(t.Context())
			var n int
			counted := f.in.db.Row(t.Context(), `SELECT COUNT(*) FROM audit`, nil, &n)
			return errors.Join(changed, swept, counted) == nil && n == 0
		}},
		"backup_every": {"1d", "1h", func(f *reloading) bool { return f.hang.backupEvery() == time.Hour }},
	} {
		delete(live, key)
		for _, value := range []string{test.before, test.after} {
			f := newReloading(t, key, test.before)
			f.reload(key, value)
			if got := test.happens(f); got != (value == test.after) {
				t.Errorf("%s = %q after a reload: what happens is as %q says: %v", key, value, test.after, got)
			}
		}
	}
	for key := range live {
		t.Errorf("%s is said to change with a reload and is not tried", key)
	}
}

// Newcomers are not let in before what they have to prove is in force: until a restart nothing of such settings is taken up. Closing the door is, whatever else was changed.
func TestAReloadLetsNobodyInUnproven(t *testing.T) {
	f := newReloading(t, "registration", "invite")
	f.reloadable("code_log", "true")
	f.reload("verify", "email")
	f.reloadable("max_file", "10")
	f.reload("registration", "open")
	if n := f.in.accounts.Newcomers(); n.Registration != authn.RegistrationInvite || f.in.drives.MaxFile() == 10 {
		t.Errorf("newcomers: %+v, and files of %d bytes", n, f.in.drives.MaxFile())
	}
	f.reload("registration", "closed")
	if n := f.in.accounts.Newcomers(); n.Open() || f.in.drives.MaxFile() != 10 {
		t.Errorf("closed: %+v, and files of %d bytes", n, f.in.drives.MaxFile())
	}
	f.reloadable("registration", "invite")
	f.reload("verify", "none")
	if n := f.in.accounts.Newcomers(); n.Registration != authn.RegistrationInvite {
		t.Errorf("as before: %+v", n)
	}
	f.reloadable("registration", "open")
	f.reload("oidc_registration", "closed")
	if n := f.in.accounts.Newcomers(); n.Registration != authn.RegistrationInvite {
		t.Errorf("with another rule for those who sign in elsewhere: %+v", n)
	}
}

// A settings file that is broken, gone or empty changes nothing: by the defaults anybody might make an account.
func TestAReloadKeepsWhatItCannotRead(t *testing.T) {
	f := newReloading(t, "code_log", "false")
	file := filepath.Join(t.TempDir(), "satchel.toml")
	f.environ = append(f.environ, "SATCHEL_CONFIG="+file)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, size int64) {
		t.Helper()
		f.hang.reload()
		if n := f.in.accounts.Newcomers(); n.Open() || f.in.drives.MaxFile() != size {
			t.Errorf("%s: newcomers %+v, files of %d bytes", what, n, f.in.drives.MaxFile())
		}
	}
	write("registration = \"closed\"\nmax_file = \"10MiB\"\n")
	want("at first", 10<<20)
	for _, broken := range []string{"registration = \"open\"\nmax_file = \"1", "registration = \"open\"\nmax_file = \"many\"\n", "registration = \"open\"\nmax_fil = 1\n", "", "# what was here\n"} {
		write(broken)
		want(broken, 10<<20)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	want("gone", 10<<20)
	write("registration = \"closed\"\nmax_file = \"20MiB\"\n")
	want("whole again", 20<<20)
}

// reloading is an installation that is served, as far as settings go.
type reloading struct {
	in      *rooms
	hang    *hangups
	level   *slog.LevelVar
	environ []string
	user    string // whose drive it is
}

func newReloading(t *testing.T, key, value string) *reloading {
	t.Helper()
	f := &reloading{level: &slog.LevelVar{}, environ: ofData(t.TempDir())}
	f.reloadable(key, value)
	if got := satchel(t, "correct horse battery\n", f.environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	f.in, f.user = opened(t, f.environ)
	load := func() (*config.Config, error) { return config.Load(config.Sources{Environ: f.environ}) }
	f.hang = &hangups{again: load, level: f.level, in: f.in, log: slog.New(slog.DiscardHandler)}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	f.hang.c.Store(c)
	return f
}

// reloadable sets a setting in the environment.
func (f *reloading) reloadable(key, value string) {
	f.environ = append(f.environ, "SATCHEL_"+strings.ToUpper(key)+"="+value)
}

func (f *reloading) reload(key, value string) {
	f.reloadable(key, value)
	f.hang.reload()
}

func (f *reloading) newUser(t *testing.T) (id string) {
	t.Helper()
	u, err := f.in.accounts.Administer(authn.Principal{}, authn.Client{}).CreateUser(t.Context(),
		authn.NewUser{Registration: authn.Registration{Username: "bob", Password: "correct horse battery"}, Role: authn.RoleUser})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID
}

func (f *reloading) quota(t *testing.T, user string) (quota int64) {
	t.Helper()
	if err := f.in.db.Row(t.Context(), `SELECT quota FROM drives WHERE id = $1`, []any{user}, &quota); err != nil {
		t.Fatal(err)
	}
	return quota
}

func (f *reloading) used(t *testing.T) (used int64) {
	t.Helper()
	if err := f.in.db.Row(t.Context(), `SELECT used FROM drives WHERE id = $1`, []any{f.user}, &used); err != nil {
		t.Fatal(err)
	}
	return used
}
