package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

// A folder whose content would be the store that is served is no place: removing what only old backups had would remove what is served.
func TestNoBackupsInTheServedStore(t *testing.T) {
	disk := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(disk, link); err != nil {
		t.Fatal(err)
	}
	environ := append(ofData(t.TempDir()), "SATCHEL_BLOBS=disk:"+filepath.Join(disk, "content"))
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	in, id := opened(t, environ)
	u, err := in.drives.BeginUpload(t.Context(), id, drive.NewUpload{Length: 1 << 20, Name: "large"})
	if err != nil {
		t.Fatal(err)
	}
	send := func(offset int64, n int) error {
		hold, err := in.drives.HoldUpload(t.Context(), u.ID, func() {})
		if err != nil {
			return err
		}
		defer hold.Release()
		_, err = in.drives.Append(t.Context(), id, u.ID, offset, strings.NewReader(strings.Repeat("x", n)), drive.AppendOptions{})
		return err
	}
	if err := send(0, 500_000); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{disk, link} {
		for range 2 {
			if got := satchel(t, "", environ, "backup", place, "--keep", "1"); got.code != 2 || !strings.Contains(got.stderr, "among the content") {
				t.Errorf("%s: %+v", place, got)
			}
		}
	}
	if err := send(500_000, 1<<20-500_000); err != nil {
		t.Errorf("the upload does not go on: %v", err)
	}
	if got := satchel(t, "", environ, "backup", filepath.Join(disk, "backups")); got.code != 0 {
		t.Errorf("beside it: %+v", got)
	}
}
