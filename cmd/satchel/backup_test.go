package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
	"github.com/satchelhq/satchel/turn"
)

// stored are the files in a folder of blobs.
func stored(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) && path == folder {
			return nil
		}
		if err == nil && d.Type().IsRegular() && d.Name() != ".claim" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ofData are settings for what is in a folder.
func ofData(data string) []string {
	return []string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"}
}

// opened are the rooms of an installation that has one user, and who that is.
func opened(t *testing.T, environ []string) (in *rooms, id string) {
	t.Helper()
	c, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{nil, os.Stdout, os.Stderr, environ}
	if in, err = openRooms(t.Context(), c, p.commandLog(c), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.close() })
	if err := in.db.Row(t.Context(), `SELECT id FROM users`, nil, &id); err != nil {
		t.Fatal(err)
	}
	return in, id
}

// putLarge makes a file whose content is in the store.
func putLarge(t *testing.T, in *rooms, id string, path drive.Path) drive.Node {
	t.Helper()
	body := strings.Repeat(string(path), 50_000)
	node, _, err := in.drives.Put(t.Context(), id, path, strings.NewReader(body), drive.PutOptions{Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// backupPlace is where a test makes backups.
type backupPlace struct {
	name, folder string // what a command is told, and where its files are
	environ      []string
}

// backupPlaces are a folder and a bucket.
func backupPlaces(t *testing.T) map[string]backupPlace {
	server, folder := s3test.Start(t), filepath.Join(t.TempDir(), "backup")
	return map[string]backupPlace{
		"a folder": {folder, folder, nil},
		"a bucket": {"s3://" + s3test.Bucket + "/of/mine?path_style=true&region=" + s3test.Region + "&endpoint=" + server.Endpoint, filepath.Join(server.Folder, s3test.Bucket, "of", "mine"),
			[]string{"SATCHEL_BACKUP_ACCESS_KEY=" + s3test.AccessKey, "SATCHEL_BACKUP_SECRET_KEY=" + s3test.SecretKey}},
	}
}

// Old backups go, and the content that only they had.
func TestBackupsAreKept(t *testing.T) {
	for name, place := range backupPlaces(t) {
		t.Run(name, func(t *testing.T) { testBackupsAreKept(t, place) })
	}
}

func testBackupsAreKept(t *testing.T, place backupPlace) {
	data := t.TempDir()
	environ := append([]string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"}, place.environ...)
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, environ)
	put := func(path drive.Path) drive.Node { return putLarge(t, in, id, path) }
	var err error
	backup := func(args ...string) result {
		return satchel(t, "", environ, append([]string{"backup", place.name}, args...)...)
	}
	want := func(got result, code int, says string, backups, content int) {
		t.Helper()
		if got.code != code || !strings.Contains(got.stdout+got.stderr, says) {
			t.Errorf("want %q: %+v", says, got)
		}
		if r, b := stored(t, filepath.Join(place.folder, "rows")), stored(t, filepath.Join(place.folder, "content")); len(r) != 3*backups || len(b) != content {
			t.Errorf("%q: there are %v and %v, want %d and %d", says, r, b, backups, content)
		}
	}
	put("/stays")
	gone := put("/goes")
	want(backup(), 0, "2 blobs copied", 1, 2)

	err = in.drives.Trash(t.Context(), id, "/goes", drive.Guard{})
	if err == nil {
		err = in.drives.Purge(t.Context(), id, gone.ID)
	}
	if err == nil {
		_, err = in.db.Exec(t.Context(), `UPDATE loose_blobs SET created_at = 1`)
	}
	if err == nil {
		_, err = in.drives.GC(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	put("/new")
	want(backup("--keep", "2"), 0, "1 blobs copied, 195 KiB; 1 were there", 2, 3)
	want(backup("--keep", "2"), 0, "removed.", 2, 2)

	if got := satchel(t, "", environ, "restore", place.name, "--backup", "20200101T000000.000Z"); got.code != 1 || !strings.Contains(got.stderr, "there is no backup") {
		t.Errorf("%+v", got)
	}
}

// ofContent is the file in the store whose content begins with a text.
func ofContent(t *testing.T, folder, begin string) string {
	t.Helper()
	for _, file := range stored(t, folder) {
		if content, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		} else if strings.HasPrefix(string(content), begin) {
			return file
		}
	}
	t.Fatalf("there is no content of %s in %s", begin, folder)
	return ""
}

// Content that is damaged or gone keeps nothing else from being backed up: it is named, by the backup, the restore and the drill. What the place had of it stays.
func TestABackupGoesPastDamage(t *testing.T) {
	for name, place := range backupPlaces(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it waits
			testABackupGoesPastDamage(t, place)
		})
	}
}

func testABackupGoesPastDamage(t *testing.T, place backupPlace) {
	data := t.TempDir()
	environ := append(ofData(data), place.environ...)
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, environ)
	want := func(code int, says []string, not string, args ...string) {
		t.Helper()
		got := satchel(t, "", environ, args...)
		for _, line := range says {
			if !strings.Contains(got.stdout+got.stderr, line) {
				t.Errorf("%v: want %q: %+v", args, line, got)
			}
		}
		if got.code != code || not != "" && strings.Contains(got.stdout, not) {
			t.Errorf("%v: want code %d and not %q: %+v", args, code, not, got)
		}
	}
	onRecord := func(job string, lacking int64) {
		t.Helper()
		all, err := in.turns.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(all, func(j turn.Job) bool { return j.Name == job }); i < 0 || all[i].Failures != 0 || all[i].Well.IsZero() || all[i].Lacking != lacking {
			t.Errorf("the %s is on record as %+v", job, all)
		}
	}
	spoil := func(folder string, names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(ofContent(t, folder, name), []byte(strings.Repeat("?", 50_000*len(name))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	blobs := filepath.Join(data, "blobs", "blob")
	putLarge(t, in, id, "/early")
	want(0, []string{"1 blobs copied"}, "lacking", "backup", place.name)
	onRecord(backupJob, 0)
	for _, path := range []drive.Path{"/fine", "/changed", "/lost"} {
		putLarge(t, in, id, path)
	}
	spoil(blobs, "/early", "/changed")
	if err := os.Remove(ofContent(t, blobs, "/lost")); err != nil {
		t.Fatal(err)
	}
	lacking := []string{`lacking: changed: "/changed" of ann`, `lacking: missing: "/lost" of ann`}
	want(8, append([]string{"1 blobs copied", "1 were there", "lacks 2 contents"}, lacking...), "/early", "backup", place.name, "--keep", "1")
	onRecord(backupJob, 2)
	want(8, []string{`changed: "/changed" of ann`, `missing: "/lost" of ann`}, "", "scrub", "--known")
	want(8, append([]string{"2 contents, 537 KiB", "without 2 contents"}, lacking...), "", "drill", place.name)
	onRecord(drillJob, 2)

	restored := append(ofData(filepath.Join(t.TempDir(), "restored")), place.environ...)
	got := satchel(t, "", restored, "restore", place.name)
	if got.code != 1 || !strings.Contains(got.stdout, lacking[0]) || !strings.Contains(got.stdout, lacking[1]) || !strings.Contains(got.stderr, "lacks 2 contents") || !strings.Contains(got.stderr, "--keep-going") {
		t.Errorf("%+v", got)
	}
	got = satchel(t, "", restored, "restore", place.name, "--keep-going")
	if got.code != 8 || !strings.Contains(got.stdout, `missing: "/changed" of ann`) || strings.Contains(got.stdout, "/early") || !strings.Contains(got.stderr, "but for 2 contents") {
		t.Errorf("%+v", got)
	}

	// /early is at the place under the key that it had. Here it is sent again, which gives it another, and rots once more: the place has it all the same.
	want(8, []string{`changed: "/early" of ann`}, "", "scrub")
	putLarge(t, in, id, "/early")
	spoil(blobs, "/early")
	want(8, append([]string{"1 blobs are damaged or gone and came from earlier backups"}, lacking...), "/early", "backup", place.name, "--keep", "1")
	onRecord(backupJob, 2)
	want(8, []string{"1 repaired, 2 left"}, "", "fsck", "--repair", "--from", place.name)
	putLarge(t, in, id, "/changed")
	putLarge(t, in, id, "/lost")
	want(0, []string{"3 blobs copied"}, "lacking", "backup", place.name)
	onRecord(backupJob, 0)
	want(0, []string{"4 contents"}, "lacking", "drill", place.name)
}

// A drill finds a backup that can be restored, and each thing that keeps one from it, and leaves nothing behind. The installation remembers how it went.
func TestDrill(t *testing.T) {
	for name, place := range backupPlaces(t) {
		t.Run(name, func(t *testing.T) { testDrill(t, place) })
	}
}

func testDrill(t *testing.T, place backupPlace) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	environ := append([]string{"SATCHEL_DATA=" + t.TempDir(), "SATCHEL_DURABILITY=relaxed"}, place.environ...)
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, environ)
	if _, _, err := in.drives.Put(t.Context(), id, "/large", strings.NewReader(strings.Repeat("x", 200_000)), drive.PutOptions{Size: 200_000}); err != nil {
		t.Fatal(err)
	}
	if got := satchel(t, "", environ, "backup", place.name); got.code != 0 {
		t.Fatal(got.stderr)
	}
	only := func(folder, name string) string {
		t.Helper()
		for _, file := range stored(t, filepath.Join(place.folder, folder)) {
			// A bucket has 20261130t032741683zdb.RANDOM where a folder has 20261130T032741.683Z.db.
			if name == "" || regexp.MustCompile(`(?i)/\d{8}t\d{6}\.?\d{3}z\.?`+name+`(\.[a-z0-9]+)?$`).MatchString(file) {
				return file
			}
		}
		t.Fatalf("there is no %s of %s", name, folder)
		return ""
	}
	dead := filepath.Join(scratch, "satchel-drill-dead")
	if err := errors.Join(os.MkdirAll(dead, 0o700), os.WriteFile(filepath.Join(dead, ".claim"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	failures := 0
	drill := func(says string, args ...string) {
		t.Helper()
		got := satchel(t, "", environ, append([]string{"drill", place.name}, args...)...)
		wantCode := 0
		if !strings.HasPrefix(says, "1 contents") {
			wantCode = 1
			failures++
		} else {
			failures = 0
		}
		if got.code != wantCode || !strings.Contains(got.stdout+got.stderr, says) {
			t.Errorf("want %q: %+v", says, got)
		}
		if left, err := os.ReadDir(scratch); err != nil || len(left) != 0 {
			t.Errorf("%q leaves %v %v", says, left, err)
		}
		all, err := in.turns.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(all, func(j turn.Job) bool { return j.Name == drillJob }); i < 0 || all[i].Failures != failures || all[i].Ended.IsZero() {
			t.Errorf("%q is on record as %+v, want %d failures", says, all, failures)
		}
	}
	drill("1 contents, 195 KiB, by their SHA-256")
	server := sqldbtest.PostgresURL(t)
	drill("1 contents, 195 KiB", "--on", server)
	postgres, err := sqldb.Open(t.Context(), server, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer postgres.Close()
	var left int
	if err := postgres.Row(t.Context(), `SELECT COUNT(*) FROM pg_database WHERE datname LIKE 'satchel_drill_%'`, nil, &left); err != nil || left != 0 {
		t.Errorf("%d databases are left: %v", left, err)
	}

	for _, part := range []struct{ folder, name, says string }{
		{"content", "", "does not hold 1 blobs, or not as they were"},
		{"rows", "db", "is not what its manifest says"},
		{"rows", "json", "cannot be read"},
	} {
		file := only(part.folder, part.name)
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wrong := slices.Clone(was)
		wrong[0] ^= 1
		if err := os.WriteFile(file, wrong, 0o600); err != nil {
			t.Fatal(err)
		}
		drill(part.says)
		if err := os.WriteFile(file, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	drill("1 contents, 195 KiB")
	if err := os.Remove(only("rows", "json")); err != nil {
		t.Fatal(err)
	}
	drill("there is no backup in")
}

// A backup of rows that were not right comes back all the same, and says what is wrong with it.
func TestWhatWasWrongBeforeIsRestored(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	settings := func(data string) []string { return []string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"} }
	if got := satchel(t, "correct horse battery\n", settings(data), "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	c, err := config.Load(config.Sources{Environ: settings(data)})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), c.Database, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `UPDATE drives SET used = 17`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := satchel(t, "", settings(data), "backup", folder); got.code != 0 {
		t.Fatal(got.stderr)
	}
	restored := settings(filepath.Join(t.TempDir(), "restored"))
	if got := satchel(t, "", restored, "restore", folder); got.code != 8 || !strings.Contains(got.stdout, "its usage is not the sum") || !strings.Contains(got.stderr, "is restored. It had 1 problem") {
		t.Errorf("%+v", got)
	}
	if got := satchel(t, "", restored, "user", "list"); got.code != 0 || !strings.Contains(got.stdout, "ann") {
		t.Errorf("what was restored cannot be used: %+v", got)
	}
}

// A backup with content that is damaged or lost is not restored, unless one asks for all else: then what is wrong is named, on record, and mended by whoever sends it again.
func TestRestoreGoesPastDamage(t *testing.T) {
	environ, folder := ofData(t.TempDir()), filepath.Join(t.TempDir(), "backup")
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, environ)
	for _, path := range []drive.Path{"/fine", "/changed", "/lost"} {
		putLarge(t, in, id, path)
	}
	if got := satchel(t, "", environ, "backup", folder); got.code != 0 {
		t.Fatal(got.stderr)
	}
	for _, file := range stored(t, filepath.Join(folder, "content")) {
		content, err := os.ReadFile(file)
		switch {
		case err != nil:
		case strings.HasPrefix(string(content), "/changed"):
			content[3] = '?'
			err = os.WriteFile(file, content, 0o600)
		case strings.HasPrefix(string(content), "/lost"):
			err = os.Remove(file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	restored := ofData(filepath.Join(t.TempDir(), "restored"))
	if got := satchel(t, "", restored, "restore", folder); got.code != 1 || !strings.Contains(got.stderr, "does not hold 2 blobs") || !strings.Contains(got.stderr, "--keep-going") {
		t.Errorf("%+v", got)
	}
	if got := satchel(t, "", restored, "user", "list"); got.code != 1 || !strings.Contains(got.stderr, "not whole") {
		t.Errorf("what was refused can be used: %+v", got)
	}
	got := satchel(t, "", restored, "restore", folder, "--keep-going")
	if got.code != 8 || !strings.Contains(got.stdout, `changed: "/changed" of ann`) || !strings.Contains(got.stdout, `missing: "/lost" of ann`) || strings.Contains(got.stdout, "/fine") ||
		!strings.Contains(got.stderr, "is restored, but for 2 contents") {
		t.Errorf("%+v", got)
	}
	if got := satchel(t, "", restored, "scrub", "--known"); got.code != 8 || strings.Count(got.stdout, " of ann (blob ") != 2 {
		t.Errorf("%+v", got)
	}
	again, id := opened(t, restored)
	for path, want := range map[drive.Path]string{"/fine": "/fine/fine", "/changed": "/ch?nged/changed"} {
		if _, content, err := again.drives.Open(t.Context(), id, path); err != nil {
			t.Error(err)
		} else {
			text := make([]byte, len(want))
			if _, err := content.Read(text); err != nil || string(text) != want {
				t.Errorf("%s: %q, %v", path, text, err)
			}
			content.Close()
		}
	}
	putLarge(t, again, id, "/lost")
	putLarge(t, again, id, "/changed")
	if got := satchel(t, "", restored, "fsck"); got.code != 0 {
		t.Errorf("%+v", got)
	}
}
