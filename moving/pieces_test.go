package moving

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
)

// Files of one name are numbered after what the drive has there, one for each content, however many come at once; and stopped after any of them, the next
// run ends with what one run makes.
func TestPiecesOfOneName(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "1=one", "2=two, which is long enough for the store", "3=one", "4=three", "5=two, which is long enough for the store", "6=of the drive")
		pieces := func(failing error) iter.Seq2[Piece, error] {
			return func(yield func(Piece, error) bool) {
				for n := 1; n <= 6; n++ {
					path := filepath.Join(source, fmt.Sprint(n))
					if !yield(Piece{From: fmt.Sprint(n), Name: "image.jpg", Modified: past(path), Open: func() (*os.File, error) { return os.Open(path) }}, nil) {
						return
					}
				}
				yield(Piece{From: "left", Left: errors.New("not meant")}, failing)
			}
		}
		want := "image (1).jpg/ image (2).jpg=one image (3).jpg=two, which is long enough for the store image (4).jpg=three image.jpg=of the drive"
		for stopAfter := 1; stopAfter <= 7; stopAfter++ {
			in := f.in(f.ann)
			in.AtOnce, in.To = 1, drive.Root.Join(fmt.Sprint(stopAfter))
			f.mkdir(f.ann, string(in.To))
			f.put(f.ann, string(in.To)+"/image.jpg", "of the drive")
			f.mkdir(f.ann, string(in.To)+"/image (1).jpg")
			ctx, stop := context.WithCancel(t.Context())
			told := 0
			in.Tell = func(Told) {
				if told++; told == stopAfter {
					stop()
				}
			}
			if _, err := in.Pieces(ctx, pieces(nil)); err == nil && stopAfter < 6 {
				t.Errorf("it was not stopped after %d", stopAfter)
			}
			stop()
			in.Tell = f.tell
			sum, err := in.Pieces(t.Context(), pieces(nil))
			if err != nil || sum.Moved+sum.Same != 6 || sum.Left != 1 {
				t.Errorf("stopped after %d, the next run: %+v, %v", stopAfter, sum, err)
			}
			f.wantTold("left out left: not meant")
			if got := f.tree(f.ann, string(in.To), false); got != want {
				t.Errorf("stopped after %d, the drive has\n%s\nand not\n%s", stopAfter, got, want)
			}
		}

		in := f.in(f.mia)
		in.AtOnce = 6
		sum, err := in.Pieces(t.Context(), pieces(nil))
		wantSum(t, "all at once", sum, err, Sum{Moved: 4, Same: 2, Left: 1})
		for _, content := range []string{"=one", "=two, which", "=three", "=of the drive"} {
			if got := f.tree(f.mia, "/", false); strings.Count(got, content) != 1 || strings.Count(got, "image") != 4 {
				t.Errorf("all at once: %s", got)
			}
		}
		f.wantTold("left out left: not meant")
		if _, err := in.Pieces(t.Context(), pieces(os.ErrPermission)); !errors.Is(err, os.ErrPermission) {
			t.Errorf("a source that fails: %v", err)
		}
		f.told = nil
	})
}

// A time that only a file system can hold would keep all that lists the drive from saying anything.
func TestATimeThatNobodyCanSay(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "future=33658", "past=-900")
		for name, when := range map[string]time.Time{"future": time.Unix(999_999_999_999, 0), "past": time.Date(-900, 1, 1, 0, 0, 0, 0, time.UTC)} {
			in := f.in(f.ann)
			sum, err := in.Pieces(t.Context(), func(yield func(Piece, error) bool) {
				yield(Piece{From: name, Name: name, Modified: when, Open: func() (*os.File, error) { return os.Open(filepath.Join(source, name)) }}, nil)
			})
			wantSum(t, name, sum, err, Sum{Moved: 1})
			if n := f.node(drive.Root.Join(name)); time.Since(n.Modified).Abs() > time.Hour {
				t.Errorf("%s was last changed %v", name, n.Modified)
			}
			c := &coming{In: in}
			if err := c.date(t.Context(), name, drive.Root.Join(name), when); err != nil {
				t.Error(err)
			}
		}
		folder := filepath.Join(t.TempDir(), "out")
		sum, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "out", sum, err, Sum{Moved: 2})
	})
}
