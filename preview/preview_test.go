package preview_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What the test binary is when it is started with one of these as its first argument.
const (
	asWorkshop = "preview-workshop"
	asStuck    = "preview-stuck"  // takes orders and never delivers
	asLiar     = "preview-liar"   // delivers what it may not
	asGreedy   = "preview-greedy" // takes more memory than it may
)

func TestMain(m *testing.M) {
	if len(os.Args) < 3 {
		os.Exit(sqldbtest.Main(m))
	}
	switch os.Args[1] {
	case asWorkshop:
		memory, err := strconv.ParseInt(os.Args[2], 10, 64)
		if err == nil {
			err = preview.Serve(os.Stdin, os.Stdout, memory)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case asStuck:
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	case asGreedy:
		go func() {
			time.Sleep(100 * time.Millisecond) // Serve has bounded the process by then
			var all [][]byte
			for range 1000 {
				b := make([]byte, 16<<20)
				for i := 0; i < len(b); i += 4096 {
					b[i] = 1
				}
				all = append(all, b)
			}
			runtime.KeepAlive(all)
		}()
		_ = preview.Serve(slow{os.Stdin}, os.Stdout, 96<<20)
		os.Exit(0)
	case asLiar:
		_, _ = os.Stdin.Read(make([]byte, 1))
		header := `{"pieces": [{"size": 160, "media_type": "text/html", "length": 1}]}`
		_, _ = os.Stdout.Write(append([]byte{0, 0, 0, byte(len(header))}, header+"x"...))
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(sqldbtest.Main(m))
}

// slow reads after everything else is done.
type slow struct{ io.Reader }

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(10 * time.Second)
	return s.Reader.Read(b)
}

// house is previews of two users' drives.
type house struct {
	*preview.Previews
	t      *testing.T
	db     *sqldb.DB
	drives *drive.Drives
	queue  *preview.Queue
	o      preview.Options

	alice, bob string

	mu      sync.Mutex
	results []string
}

func (h *house) observe(result string, _ time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.results = append(h.results, result)
}

// took answers what came of the attempts so far, and forgets it.
func (h *house) took() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := strings.Join(h.results, " ")
	h.results = nil
	return all
}

// newHouse runs workshops of this kind until the test ends.
func newHouse(t *testing.T, db *sqldb.DB, o preview.Options, as string) *house {
	t.Helper()
	h := &house{t: t, db: db, queue: preview.NewQueue(), o: o}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h.drives = drive.New(db, mem.New(), drive.Options{Log: log, Changed: h.queue.Tell})
	h.alice, h.bob = h.user("alice"), h.user("bob")
	h.o.Command, h.o.Log, h.o.Observe = []string{os.Args[0], as}, log, h.observe
	h.Previews = preview.New(db, h.drives, h.queue, h.o)
	return h
}

// run runs the workshops until the test ends or stop is called.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(stop)
	return stop
}

func (h *house) user(name string) string {
	h.t.Helper()
	id := sqldb.NewID()
	err := h.db.Update(h.t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(h.t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $2, $2, '', 0)`, id, name); err != nil {
			return err
		}
		return h.drives.Create(h.t.Context(), tx, id)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) put(driveID, path string, content []byte) drive.Node {
	h.t.Helper()
	n, _, err := h.drives.Put(h.t.Context(), driveID, drive.Path(path), bytes.NewReader(content), drive.PutOptions{Size: int64(len(content))})
	if err != nil {
		h.t.Fatalf("put %s: %v", path, err)
	}
	return n
}

// settle waits until nothing is left to do.
func (h *house) settle() {
	h.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); h.Waiting() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%d images wait still", h.Waiting())
		}
	}
}

// look is what a thumbnail is: "jpeg 160x120", or the code of why there is none.
func (h *house) look(driveID, path string, size int) string {
	h.t.Helper()
	_, thumbnail, err := h.Thumbnail(h.t.Context(), driveID, drive.Path(path), size)
	if err != nil {
		code, _, _ := fault.Public(err)
		return code
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(thumbnail.Content))
	if err != nil {
		return err.Error()
	}
	if "image/"+format != thumbnail.MediaType {
		h.t.Errorf("%s is called %s", format, thumbnail.MediaType)
	}
	return fmt.Sprintf("%s %dx%d", format, c.Width, c.Height)
}

func (h *house) rows() (n int) {
	h.t.Helper()
	if err := h.db.Row(h.t.Context(), `SELECT COUNT(*) FROM thumbnails`, nil, &n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// photo is a JPEG that differs with seed.
func photo(t *testing.T, w, h, seed int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{uint8(x*255/w + seed), uint8(y * 255 / h), uint8(seed), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func glass(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+3] = 200, uint8(i/4%w*255/w)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestThumbnails(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 1}, asWorkshop)
		h.run()
		h.put(h.alice, "/photo.jpg", photo(t, 640, 480, 1))
		h.put(h.alice, "/glass.png", glass(t, 200, 600))
		h.put(h.alice, "/tiny.png", glass(t, 3, 2))
		h.put(h.alice, "/lies.png", []byte("<svg onload=alert(1)>"))
		h.put(h.alice, "/text.txt", []byte("text"))
		h.put(h.alice, "/empty.png", nil)
		h.put(h.alice, "/no-extension", photo(t, 640, 480, 2))
		for _, c := range []struct {
			path string
			size int
			want string
		}{
			{"/photo.jpg", 160, "jpeg 160x120"},
			{"/photo.jpg", 480, "jpeg 480x360"},
			{"/glass.png", 160, "png 53x160"},
			{"/glass.png", 480, "png 160x480"},
			{"/tiny.png", 480, "png 3x2"},
			{"/lies.png", 160, "no_thumbnail"},
			{"/text.txt", 160, "no_thumbnail"},
			{"/empty.png", 160, "no_thumbnail"},
			{"/no-extension", 160, "no_thumbnail"},
			{"/missing.png", 160, "not_found"},
			{"/", 160, "no_thumbnail"},
		} {
			if got := h.look(h.alice, c.path, c.size); got != c.want {
				t.Errorf("%s in %d: %s, want %s", c.path, c.size, got, c.want)
			}
		}
		if got := h.look(h.bob, "/photo.jpg", 160); got != "not_found" {
			t.Errorf("bob's look at alice's photo: %s", got)
		}
	})
}

// Who is kept to a folder sees no thumbnail of what is outside, asked for or made before.
func TestThumbnailsOfAFolderAlone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 1}, asWorkshop)
		h.run()
		folder, err := h.drives.MakeFolder(t.Context(), h.alice, "/in", drive.Guard{})
		if err != nil {
			t.Fatal(err)
		}
		h.put(h.alice, "/in/photo.jpg", photo(t, 300, 200, 1))
		h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
		h.settle()
		kept, err := h.drives.WithLimit(t.Context(), h.alice, drive.Limit{Folder: folder.ID, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Thumbnail(kept, h.alice, "/photo.jpg", 160); !fault.Is(err, fault.NotFound) {
			t.Errorf("outside: %v", err)
		}
		if _, _, err := h.Thumbnail(kept, h.alice, "/in/photo.jpg", 160); err != nil {
			t.Errorf("inside: %v", err)
		}
	})
}

// What was tried is on record: copies, other processes and the next start make nothing anew, and a broken image is not tried again.
func TestEveryContentIsTriedOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 2}, asWorkshop)
		stop := h.run()
		good, broken := photo(t, 300, 200, 1), photo(t, 300, 200, 2)[:700]
		h.put(h.alice, "/good.jpg", good)
		h.put(h.alice, "/broken.jpg", broken)
		h.settle()
		if got := h.took(); got != "made none" && got != "none made" {
			t.Fatalf("ahead: %s", got)
		}
		h.put(h.alice, "/copy.jpg", good)
		h.put(h.alice, "/broken again.jpg", broken)
		h.settle()
		for range 3 {
			if got := h.look(h.alice, "/copy.jpg", 480) + h.look(h.alice, "/broken again.jpg", 160); got != "jpeg 300x200no_thumbnail" {
				t.Error(got)
			}
		}
		if got := h.took(); got != "" {
			t.Errorf("copies: %s", got)
		}
		stop()
		h.Previews = preview.New(db, h.drives, h.queue, h.o) // the server was started again
		h.run()
		if got := h.look(h.alice, "/good.jpg", 160) + h.look(h.alice, "/broken.jpg", 160); got != "jpeg 160x107no_thumbnail" || h.took() != "" {
			t.Error(got)
		}
		// Another drive has its own, so that nobody sees by the time it takes that somebody else holds the same.
		h.put(h.bob, "/mine.jpg", good)
		if got := h.look(h.bob, "/mine.jpg", 160); got != "jpeg 160x107" || h.took() != "made" {
			t.Error(got)
		}
	})
}

// Thumbnails go with the content that they are of.
func TestThumbnailsGoWithTheirContent(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 1}, asWorkshop)
		h.run()
		h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
		h.settle()
		if n := h.rows(); n != 2 {
			t.Fatalf("%d rows", n)
		}
		if err := h.drives.Trash(t.Context(), h.alice, "/photo.jpg", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		if got := h.look(h.alice, "/photo.jpg", 160); got != "not_found" {
			t.Errorf("in the trash: %s", got)
		}
		if err := h.drives.Purge(t.Context(), h.alice, ""); err != nil {
			t.Fatal(err)
		}
		later := drive.New(db, mem.New(), drive.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
		if removed, err := later.GC(t.Context()); err != nil || removed.Blobs != 1 {
			t.Fatalf("%+v, %v", removed, err)
		}
		if n := h.rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A workshop that is not there is no fault of the image: it is tried again.
func TestAWorkshopThatCannotStart(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{Workers: 1}, asWorkshop)
	h.o.Command = []string{"/nowhere/satchel"}
	h.Previews = preview.New(h.db, h.drives, h.queue, h.o)
	stop := h.run()
	h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
	if got := h.look(h.alice, "/photo.jpg", 160); got != "thumbnail_pending" || h.rows() != 0 || !strings.HasPrefix(h.took(), "failed") {
		t.Errorf("%s, %d rows", got, h.rows())
	}
	if _, err := h.Markdown(t.Context(), []byte("text"), "/view/", "/view/"); !fault.Is(err, fault.Busy) {
		t.Errorf("Markdown: %v", err)
	}
	stop()
	h.o.Command = []string{os.Args[0], asWorkshop}
	h.Previews = preview.New(h.db, h.drives, h.queue, h.o)
	h.run()
	if got := h.look(h.alice, "/photo.jpg", 160); got != "jpeg 160x107" {
		t.Error(got)
	}
}

// Whoever took over a workshop by an image does not thereby get his words into our headers.
func TestAWorkshopThatLies(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{Workers: 1}, asLiar)
	h.run()
	h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
	if got := h.look(h.alice, "/photo.jpg", 160); got != "no_thumbnail" || h.took() != "failed" {
		t.Error(got)
	}
}

// Who stops the server does not wait for a workshop, and what was under way is made the next time.
func TestAStopInTheMiddle(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{Workers: 1}, asStuck)
	stop := h.run()
	h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
	time.Sleep(50 * time.Millisecond)
	stop()
	if n := h.rows(); n != 0 || h.took() != "" {
		t.Errorf("%d rows", n)
	}
	h.o.Command = []string{os.Args[0], asWorkshop}
	h.Previews = preview.New(h.db, h.drives, preview.NewQueue(), h.o)
	h.run()
	if got := h.look(h.alice, "/photo.jpg", 160); got != "jpeg 160x107" {
		t.Error(got)
	}
}

func TestWithoutWorkers(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{}, asWorkshop)
	h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
	if got := h.look(h.alice, "/photo.jpg", 160); got != "no_thumbnail" || h.rows() != 0 {
		t.Error(got)
	}
}

// Many ask at once, for the same and for others: each image is made once.
func TestManyAskAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 2}, asWorkshop)
		h.run()
		const images = 20
		for i := range images {
			h.put(h.alice, fmt.Sprintf("/%d.jpg", i), photo(t, 64, 64, i))
		}
		var all sync.WaitGroup
		for i := range 5 * images {
			all.Go(func() {
				if got := h.look(h.alice, fmt.Sprintf("/%d.jpg", i%images), 160); got != "jpeg 64x64" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if n := len(strings.Fields(h.took())); n != images {
			t.Errorf("%d images were made %d times", images, n)
		}
	})
}

// Text that is hard to parse costs a bounded time and, at worst, this page's Markdown: the next one is rendered.
func TestHardMarkdown(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{}, asWorkshop)
	h.run()
	for name, text := range preview.Hard() {
		page, err := h.Markdown(t.Context(), []byte(text), "/view/", "/view/")
		if err != nil && !fault.Is(err, fault.Busy) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %d bytes (%v)", name, len(page), err)
	}
	page, err := h.Markdown(t.Context(), []byte("*fine*"), "/view/", "/view/")
	if err != nil || string(page) != "<p><em>fine</em></p>\n" {
		t.Errorf("%q, %v", page, err)
	}
}
