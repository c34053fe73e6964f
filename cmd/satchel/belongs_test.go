package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/blob/s3/s3test"
)

// Content is served from the folder that is the installation's, and from no other: not from an empty one in its place, as where its disk is not mounted, and not from another's, of which gc
// would remove all.
func TestTheFolderOfAnInstallation(t *testing.T) {
	data, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	environ, folder := ofData(data), filepath.Join(data, "blobs")
	want := func(what string, environ []string, code int, says string, args ...string) {
		t.Helper()
		if got := satchel(t, "", environ, args...); got.code != code || !strings.Contains(got.stdout+got.stderr, says) {
			t.Errorf("%s: want %d, %q: %+v", what, code, says, got)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, environ)
	putLarge(t, in, id, "/file")
	want("its own", environ, 0, "no problems", "fsck")
	want("its own", environ, 0, "1 blobs copied", "backup", backup)

	move(folder, folder+".away")
	want("the disk is not mounted", environ, 1, "is its disk mounted", "gc")
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	move(folder+".away", folder)
	mark, err := os.ReadFile(filepath.Join(folder, disk.MarkName))
	if err == nil {
		err = os.Remove(filepath.Join(folder, disk.MarkName))
	}
	if err != nil {
		t.Fatal(err)
	}
	want("one of an older Satchel", environ, 0, "0 blobs and 0 orphans removed", "gc")
	if again, err := os.ReadFile(filepath.Join(folder, disk.MarkName)); err != nil || string(again) != string(mark) {
		t.Errorf("it was not marked: %q, %v", again, err)
	}

	another := append(ofData(filepath.Join(t.TempDir(), "another")), "SATCHEL_BLOBS=disk:"+folder)
	want("another's", another, 1, "holds the content of another installation", "gc")
	want("another's", another, 1, "holds the content of another installation", "restore", backup)
	if err := os.Remove(filepath.Join(folder, disk.MarkName)); err != nil {
		t.Fatal(err)
	}
	want("what was begun", another, 1, "holds content already", "restore", backup)
	third := append(ofData(filepath.Join(t.TempDir(), "third")), "SATCHEL_BLOBS=disk:"+folder)
	got := satchel(t, "", third, "gc")
	_, line, ok := strings.Cut(strings.TrimSpace(got.stderr), "say so: echo ")
	if got.code != 1 || !strings.Contains(got.stderr, "holds content that this database does not know") || !ok {
		t.Fatalf("%+v", got)
	}
	named, file, _ := strings.Cut(line, " > ")
	if err := os.WriteFile(file, []byte(named+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("as it was told", third, 0, "orphans removed", "gc")
}

// While content moves from one folder to another, an empty one in the place of either is refused as long as the other does not hold all.
func TestTheFoldersOfAMove(t *testing.T) {
	data := t.TempDir()
	old, fresh := filepath.Join(data, "blobs"), filepath.Join(data, "new")
	before := ofData(data)
	added := append(ofData(data), "SATCHEL_BLOBS_FROM=disk:"+fresh)
	both := append(ofData(data), "SATCHEL_BLOBS=disk:"+fresh, "SATCHEL_BLOBS_FROM=disk:"+old)
	want := func(what string, environ []string, code int, says string, args ...string) {
		t.Helper()
		if got := satchel(t, "", environ, args...); got.code != code || !strings.Contains(got.stdout+got.stderr, says) {
			t.Errorf("%s: want %d, %q: %+v", what, code, says, got)
		}
	}
	without := func(folder string) {
		t.Helper()
		if err := os.Rename(folder, folder+".away"); err != nil {
			t.Fatal(err)
		}
		want("a disk is not mounted", both, 1, folder+" is empty", "fsck")
		want("a disk is not mounted", both, 1, folder+" is empty", "migrate-blobs")
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it was made: %v", err)
		}
		if err := os.Rename(folder+".away", folder); err != nil {
			t.Fatal(err)
		}
	}
	if got := satchel(t, "correct horse battery\n", before, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, before)
	putLarge(t, in, id, "/file")
	without(old)
	want("the new one is read first, as nodes do one after the other", added, 0, "no problems", "fsck")
	without(old)
	in, id = opened(t, both)
	putLarge(t, in, id, "/another")
	without(old)
	without(fresh)
	want("both", both, 0, "Nothing is left", "migrate-blobs")
	without(fresh)
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	want("it is moved, and the old one removed", both, 0, "no problems", "fsck")
}

// A new database is not begun on content in a bucket that it does not know, and none is restored there.
func TestTheBucketOfAnInstallation(t *testing.T) {
	server, backup := s3test.Start(t), filepath.Join(t.TempDir(), "backup")
	in := func(data, prefix string) []string {
		return append(ofData(filepath.Join(t.TempDir(), data)), "SATCHEL_S3_ACCESS_KEY="+s3test.AccessKey, "SATCHEL_S3_SECRET_KEY="+s3test.SecretKey,
			"SATCHEL_BLOBS=s3://"+s3test.Bucket+"/"+prefix+"?path_style=true&region="+s3test.Region+"&endpoint="+server.Endpoint)
	}
	mine, other, elsewhere := in("mine", "one"), in("other", "one"), in("elsewhere", "two")
	if got := satchel(t, "correct horse battery\n", mine, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	rooms, id := opened(t, mine)
	putLarge(t, rooms, id, "/file")
	for _, c := range []struct {
		environ []string
		code    int
		says    string
		args    []string
	}{
		{mine, 0, "1 blobs copied", []string{"backup", backup}},
		{mine, 0, "no problems", []string{"fsck"}},
		{other, 1, "holds content already", []string{"gc"}},
		{other, 1, "holds content already", []string{"restore", backup}},
		{elsewhere, 0, "is restored: 1 blobs", []string{"restore", backup}},
		{elsewhere, 0, "no problems", []string{"fsck"}},
		{mine, 0, "no problems", []string{"fsck"}},
	} {
		if got := satchel(t, "", c.environ, c.args...); got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.says) {
			t.Errorf("%v: want %d, %q: %+v", c.args, c.code, c.says, got)
		}
	}
}
