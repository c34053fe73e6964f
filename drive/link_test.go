package drive

import (
	"strings"
	"testing"
	"time"
)

func TestDownloadLink(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /d\nput /d/f one\nput /d/g two")
		_, code, expires, err := f.DownloadLink(ctx, f.alice, "/d/f", 0)
		if err != nil || expires.Sub(f.now) > DefaultLinkLife || expires.Sub(f.now) < DefaultLinkLife-2*time.Second {
			t.Fatal(expires, err)
		}
		other := New(f.db, f.blobs, f.o) // another node has the same key
		if whose, err := other.LinkedDrive(ctx, code, "/d/f"); err != nil || whose != f.alice {
			t.Errorf("%q, %v", whose, err)
		}
		parts := strings.Split(code, ".")
		for what, c := range map[string]struct {
			code string
			path Path
		}{
			"another path":          {code, "/d/g"},
			"the folder":            {code, "/d"},
			"another drive":         {f.bob + "." + parts[1] + "." + parts[2], "/d/f"},
			"a later end":           {parts[0] + "." + parts[1] + "0." + parts[2], "/d/f"},
			"no code":               {"", "/d/f"},
			"a part is missing":     {parts[0] + "." + parts[1], "/d/f"},
			"a short MAC":           {code[:len(code)-4], "/d/f"},
			"other bits at the end": {code[:len(code)-1] + "_", "/d/f"},
		} {
			_, err := f.LinkedDrive(ctx, c.code, c.path)
			wantKind(t, what, err, "not_found")
		}
		f.forward(time.Hour)
		_, err = f.LinkedDrive(ctx, code, "/d/f")
		wantKind(t, "an hour later", err, "gone")

		for what, c := range map[string]struct {
			drive string
			path  Path
			life  time.Duration
			want  string
		}{
			"too long": {f.alice, "/d/f", MaxLinkLife + 1, "invalid"}, "negative": {f.alice, "/d/f", -1, "invalid"},
			"a folder": {f.alice, "/d", 0, "invalid"}, "missing": {f.alice, "/none", 0, "not_found"}, "of bob's": {f.bob, "/d/f", 0, "not_found"},
		} {
			_, _, _, err := f.DownloadLink(ctx, c.drive, c.path, c.life)
			wantKind(t, what, err, c.want)
		}
	})
}
