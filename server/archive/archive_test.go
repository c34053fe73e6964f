package archive

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holes is a ZIP that is mostly zeros: a writer that keeps what stands around long runs of them, and reads as if they were there.
type holes struct {
	length int64
	blocks map[int64][]byte // by where they begin
	order  []int64
}

const holeBlock = 1 << 16

func (h *holes) Write(p []byte) (int, error) {
	if len(p) < holeBlock/2 || len(bytes.Trim(p, "\x00")) > 0 {
		h.blocks[h.length] = bytes.Clone(p)
		h.order = append(h.order, h.length)
	}
	h.length += int64(len(p))
	return len(p), nil
}

func (h *holes) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	for _, at := range h.order {
		b := h.blocks[at]
		if at < off+int64(len(p)) && at+int64(len(b)) > off {
			from := max(at, off)
			copy(p[from-off:], b[from-at:])
		}
	}
	if off+int64(len(p)) > h.length {
		return int(max(0, h.length-off)), io.EOF
	}
	return len(p), nil
}

// Archives of any number of entries, and above 4 GiB, are read by others.
func TestArchivesOfAnySize(t *testing.T) {
	modified := time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC)
	write := func(t *testing.T, to io.Writer, names []string, content string) {
		t.Helper()
		a, err := New(to)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Discard()
		for _, name := range names {
			w, err := a.Create(name, modified)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "/") {
				if _, err := io.WriteString(w, content); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, entries := range []int{0, 1, archiveBatch, archiveBatch + 1, 2*archiveBatch + 7, 70_000} {
		t.Run(fmt.Sprint(entries), func(t *testing.T) {
			var names []string
			for i := range entries {
				name := fmt.Sprintf("files/é%06d", i)
				if i%10 == 9 {
					name += "/"
				}
				names = append(names, name)
			}
			file := filepath.Join(t.TempDir(), "a.zip")
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, f, names, "some text")
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := zip.OpenReader(file)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if len(r.File) != entries {
				t.Fatalf("%d entries", len(r.File))
			}
			for i, e := range r.File {
				if e.Name != names[i] || !e.Modified.Equal(modified) || e.NonUTF8 {
					t.Fatalf("entry %d: %+v", i, e.FileHeader)
				}
				if i%997 == 0 && !e.FileInfo().IsDir() {
					c, err := e.Open()
					if err != nil {
						t.Fatal(err)
					}
					if text, err := io.ReadAll(c); err != nil || string(text) != "some text" {
						t.Fatalf("entry %d: %q, %v", i, text, err)
					}
				}
			}
			if entries > 0 { // of which unzip warns
				checked(t, file)
			}
		})
	}
	t.Run("above 4 GiB", func(t *testing.T) {
		h := &holes{blocks: map[int64][]byte{}}
		a, err := New(h)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Discard()
		big := make([]byte, holeBlock)
		for _, name := range []string{"big", "after"} {
			w, err := a.Create(name, modified)
			if err != nil {
				t.Fatal(err)
			}
			if name == "after" {
				if _, err := io.WriteString(w, "behind it"); err != nil {
					t.Fatal(err)
				}
				continue
			}
			for range (5 << 30) / holeBlock {
				if _, err := w.Write(big); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(h, h.length)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.File) != 2 || r.File[0].UncompressedSize64 != 5<<30 {
			t.Fatalf("%d entries, %+v", len(r.File), r.File[0].FileHeader)
		}
		c, err := r.File[1].Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(c); err != nil || string(text) != "behind it" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// checked has another implementation check all of an archive.
func checked(t *testing.T, file string) {
	t.Helper()
	if out, err := exec.Command("unzip", "-tqq", file).CombinedOutput(); err != nil {
		t.Errorf("unzip: %v: %s", err, out)
	}
}
