package s3_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const mib = 1 << 20

func noise(n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = source.Read(b) // never fails
	return b
}

// scene is a store behind a proxy.
type scene struct {
	*s3.Store
	t       *testing.T
	db      *sqldb.DB
	server  *s3test.Server
	proxy   *s3test.Proxy
	options s3.Options
}

// newScene is over versitygw, whose folder shows what is in the bucket.
func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneOver(t, s3test.Start(t))
}

// eachServer runs a test against servers that share no code.
func eachServer(t *testing.T, test func(t *testing.T, c *scene)) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) { test(t, newSceneOver(t, start(t))) })
	}
}

func newSceneOver(t *testing.T, server *s3test.Server) *scene {
	t.Helper()
	c := &scene{t: t, db: sqldbtest.OpenSQLite(t), server: server}
	c.proxy = s3test.NewProxy(t, c.server)
	c.options = options(c.proxy.Endpoint, "here")
	c.options.Attempts = 4
	c.Store = open(t, c.db, c.options)
	return c
}

func (c *scene) stage(key blob.Key) blob.Stage {
	c.t.Helper()
	g, err := c.Stage(c.t.Context(), key)
	c.must(err)
	return g
}

func (c *scene) resume(key blob.Key, offset int) blob.Stage {
	c.t.Helper()
	g, err := c.Resume(c.t.Context(), key, int64(offset))
	c.must(err)
	return g
}

func (c *scene) write(g blob.Stage, content []byte) {
	c.t.Helper()
	_, err := g.Write(content)
	c.must(err)
}

func (c *scene) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *scene) wantBlob(key blob.Key, want []byte) {
	c.t.Helper()
	b, err := c.Open(c.t.Context(), key)
	c.must(err)
	got, err := io.ReadAll(b)
	c.must(errors.Join(err, b.Close()))
	if !bytes.Equal(got, want) {
		c.t.Fatalf("%s: %d bytes are read that are not the %d written", key, len(got), len(want))
	}
}

// objects are the names in the bucket, those of unfinished uploads too, as the server keeps them.
func (c *scene) objects() (names []string) {
	c.t.Helper()
	c.must(filepath.WalkDir(filepath.Join(c.server.Folder, s3test.Bucket), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}

// parts are the files of the parts that are not completed.
func (c *scene) parts() []string {
	return slices.DeleteFunc(c.objects(), func(path string) bool { return !strings.Contains(path, ".sgwtmp") })
}

// What a file costs, in requests.
func TestRequests(t *testing.T) { eachServer(t, testRequests) }

func testRequests(t *testing.T, c *scene) {
	for _, test := range []struct {
		name string
		size int
		want string
	}{
		{"empty", 0, ""},
		{"small", 3 * mib, "PutObject"},
		{"large", 12 * mib, "CreateMultipartUpload UploadPart UploadPart UploadPart CompleteMultipartUpload HeadObject"},
	} {
		content := noise(test.size)
		g := c.stage(blob.Key(test.name))
		c.write(g, content)
		c.must(g.Seal(t.Context()))
		if got := strings.Join(c.proxy.Seen(), " "); got != test.want {
			t.Errorf("a file that is %s takes %s, want %s", test.name, got, test.want)
		}
		c.wantBlob(blob.Key(test.name), content)
		c.proxy.Seen()
	}
}

// dying passes bytes on, and then calls kill.
type dying struct {
	io.ReadCloser
	left int
	kill func()
}

func (d *dying) Read(p []byte) (int, error) {
	if d.left <= 0 {
		d.kill()
	}
	n, err := d.ReadCloser.Read(p)
	d.left -= n
	return n, err
}

// S3 is killed while it takes the second part. What was synced is there when it comes back, and the stage goes on from there.
func TestServerKilledWithinAPart(t *testing.T) { eachServer(t, testServerKilledWithinAPart) }

func testServerKilledWithinAPart(t *testing.T, c *scene) {
	content := noise(14 * mib)
	g := c.stage("k")
	c.write(g, content[:7*mib])
	c.must(g.Sync()) // a part, and a tail
	var once sync.Once
	c.proxy.Decide(func(r *http.Request) s3test.Fate {
		if s3test.Operation(r) == "UploadPart" {
			r.Body = &dying{r.Body, mib, func() { once.Do(c.server.Kill) }}
		}
		return s3test.Pass
	})
	if _, err := g.Write(content[7*mib:]); err == nil {
		t.Fatal("a part was written to a server that is dead")
	}
	c.must(g.Close())
	c.proxy.Decide(func(*http.Request) s3test.Fate { return s3test.Pass })
	c.server.Start()
	g = c.resume("k", 7*mib)
	c.write(g, content[7*mib:])
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
}

// Of every request that changes something the first answer is lost, after S3 has done it. Nothing is doubled, and what is left over
// is swept.
func TestAnswersLost(t *testing.T) {
	c := newScene(t)
	for _, operation := range []string{"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "PutObject", "CompleteMultipartUpload", "DeleteObject"} {
		t.Run(operation, func(t *testing.T) {
			lost := false
			c.proxy.Decide(func(r *http.Request) s3test.Fate {
				if !lost && s3test.Operation(r) == operation {
					lost = true
					return s3test.Lose
				}
				return s3test.Pass
			})
			content := noise(23 * mib)
			part := c.stage("part")
			c.write(part, content[7*mib:])
			c.must(part.Close())
			g := c.stage("k")
			c.write(g, content[:7*mib])
			c.must(g.Sync())
			c.must(g.Append(t.Context(), "part", 16*mib))
			c.must(g.Seal(t.Context()))
			if !lost {
				t.Error("no such request was made")
			}
			c.wantBlob("k", content)
			c.must(c.Remove(t.Context(), "part"))
			if _, _, err := c.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if left := c.objects(); len(left) != 1 {
				t.Errorf("besides the blob there are %q", left)
			}
			c.wantBlob("k", content)
			c.must(c.Remove(t.Context(), "k"))
		})
	}
}

// What S3 does not answer is ErrAway, and so is an upload that it calls complete while there is no object: nothing of that is lost.
func TestServerAway(t *testing.T) { eachServer(t, testServerAway) }

func testServerAway(t *testing.T, c *scene) {
	content := noise(14 * mib)
	g := c.stage("k")
	c.write(g, content)
	c.must(g.Sync())
	c.proxy.Decide(func(r *http.Request) s3test.Fate {
		if s3test.Operation(r) == "CompleteMultipartUpload" {
			return s3test.Claim
		}
		return s3test.Pass
	})
	if err := g.Seal(t.Context()); !errors.Is(err, blob.ErrAway) || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Seal of what is complete and not there: %v", err)
	}
	c.must(g.Close())
	c.server.Kill()
	direct := c.options
	direct.Endpoint = c.server.Endpoint // where nobody listens; the proxy answers 502
	for _, s := range []*s3.Store{c.Store, open(t, c.db, direct)} {
		if _, err := s.Resume(t.Context(), "k", 14*mib); !errors.Is(err, blob.ErrAway) {
			t.Errorf("Resume while there is no server: %v", err)
		}
	}
	c.server.Start()
	c.proxy.Decide(func(*http.Request) s3test.Fate { return s3test.Pass })
	g = c.resume("k", 14*mib)
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
}

// An upload of which the answer that named it was lost is aborted by Sweep, where the server tells of it. MinIO lists uploads by whole names of objects
// alone; it removes them by itself after a day (MINIO_API_STALE_UPLOADS_EXPIRY).
func TestSweepOfLostUploads(t *testing.T) {
	for name, test := range map[string]struct {
		start func(testing.TB) *s3test.Server
		swept int
	}{"versitygw": {s3test.Start, 1}, "MinIO lists no uploads by a prefix": {s3test.StartMinIO, 0}} {
		t.Run(name, func(t *testing.T) {
			c := newSceneOver(t, test.start(t))
			lost := false
			c.proxy.Decide(func(r *http.Request) s3test.Fate {
				if !lost && s3test.Operation(r) == "CreateMultipartUpload" {
					lost = true
					return s3test.Lose
				}
				return s3test.Pass
			})
			g := c.stage("k")
			c.write(g, noise(7*mib))
			c.must(g.Sync())
			if n, _, err := c.Sweep(t.Context(), time.Now().Add(time.Hour)); n != test.swept || err != nil || !lost {
				t.Errorf("%d are swept, want %d: %v", n, test.swept, err)
			}
			c.must(g.Seal(t.Context()))
		})
	}
}

// Sweep leaves alone what is young, and what is on record however old it is.
func TestSweepKeeps(t *testing.T) {
	c := newScene(t)
	content := noise(7 * mib)
	g := c.stage("k")
	c.write(g, content)
	c.must(g.Close()) // a part and a tail
	orphan := filepath.Join(c.server.Folder, s3test.Bucket, "here", "gone.abc")
	c.must(os.WriteFile(orphan, []byte("left"), 0o600))
	for _, test := range []struct {
		before  time.Time
		objects int
		bytes   int64
	}{{time.Now().Add(-time.Hour), 0, 0}, {time.Now().Add(time.Hour), 1, 4}} {
		objects, size, err := c.Sweep(t.Context(), test.before)
		if objects != test.objects || size != test.bytes || err != nil {
			t.Errorf("Sweep: %d objects, %d bytes, %v; want %d and %d", objects, size, err, test.objects, test.bytes)
		}
	}
	g = c.resume("k", 7*mib)
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
}

// S3 answers 503 to two of three requests.
func TestErrorsInBursts(t *testing.T) { eachServer(t, testErrorsInBursts) }

func testErrorsInBursts(t *testing.T, c *scene) {
	n := 0
	c.proxy.Decide(func(*http.Request) s3test.Fate {
		if n++; n%3 != 0 {
			return s3test.Refuse
		}
		return s3test.Pass
	})
	content := noise(7 * mib)
	g := c.stage("k")
	c.write(g, content)
	c.must(g.Sync())
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
}

// Downloads go on where a connection to S3 broke.
func TestReadGoesOn(t *testing.T) { eachServer(t, testReadGoesOn) }

func testReadGoesOn(t *testing.T, c *scene) {
	content := noise(mib)
	g := c.stage("k")
	c.write(g, content)
	c.must(g.Seal(t.Context()))
	n := 0
	c.proxy.Decide(func(*http.Request) s3test.Fate {
		if n++; n < 4 {
			return s3test.Break
		}
		return s3test.Pass
	})
	c.wantBlob("k", content)
	if n < 4 {
		t.Errorf("only %d requests were made", n)
	}
}

// A part that S3 has lost is noticed when the upload is completed, and each time that it is tried again.
func TestMissingPart(t *testing.T) {
	c := newScene(t)
	g := c.stage("k")
	c.write(g, noise(16*mib))
	c.must(g.Sync())
	for _, path := range c.parts() {
		if filepath.Base(path) == "2" {
			c.must(os.Remove(path))
		}
	}
	if err := g.Seal(t.Context()); !errors.Is(err, blob.ErrShort) {
		t.Errorf("Seal without a part: %v, want %v", err, blob.ErrShort)
	}
	if _, err := c.Open(t.Context(), "k"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open of what could not be sealed: %v", err)
	}
	if _, err := c.Resume(t.Context(), "k", 16*mib); !errors.Is(err, blob.ErrShort) {
		t.Errorf("Resume without a part: %v, want %v", err, blob.ErrShort)
	}
}

// A rule of the bucket aborts an unfinished upload. That is not found, whoever goes on with it, and never taken as complete.
func TestAborted(t *testing.T) { eachServer(t, testAborted) }

func testAborted(t *testing.T, c *scene) {
	for name, goOn := range map[blob.Key]func(g blob.Stage, key blob.Key) error{
		"write":  func(g blob.Stage, _ blob.Key) error { _, err := g.Write(noise(6 * mib)); return err },
		"seal":   func(g blob.Stage, _ blob.Key) error { return g.Seal(t.Context()) },
		"resume": func(g blob.Stage, key blob.Key) error { _, err := c.Resume(t.Context(), key, 7*mib); return err },
		"read": func(_ blob.Stage, key blob.Key) error {
			b, err := c.OpenStage(t.Context(), key, 7*mib)
			c.must(err)
			_, err = b.Read(make([]byte, 1))
			return errors.Join(err, b.Close())
		},
	} {
		g := c.stage(name)
		c.write(g, noise(7*mib))
		c.must(g.Sync())
		c.server.AbortUploads()
		if err := goOn(g, name); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s of an aborted upload: %v, want %v", name, err, blob.ErrNotFound)
		}
		if _, err := c.Open(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open after %s: %v", name, err)
		}
		c.must(g.Close())
		c.must(c.Remove(t.Context(), name))
	}
}

// Two processes have one stage. Who resumed it last has it; the other cannot add a byte, though a part of it arrives late.
func TestTakenOver(t *testing.T) { eachServer(t, testTakenOver) }

func testTakenOver(t *testing.T, c *scene) {
	content := noise(17 * mib)
	old := c.stage("k")
	c.write(old, content[:7*mib])
	c.must(old.Sync())

	late, arrive := make(chan struct{}), make(chan struct{})
	held := false
	c.proxy.Decide(func(r *http.Request) s3test.Fate {
		if !held && s3test.Operation(r) == "UploadPart" {
			held = true
			r.Body = &dying{r.Body, mib, sync.OnceFunc(func() { close(late); <-arrive })}
		}
		return s3test.Pass
	})
	ended := make(chan error, 1)
	go func() {
		_, err := old.Write(bytes.Repeat([]byte("x"), 4*mib))
		ended <- err
	}()
	<-late
	other := open(t, c.db, c.options)
	g, err := other.Resume(t.Context(), "k", 7*mib)
	c.must(err)
	c.write(g, content[7*mib:])
	c.must(g.Sync())
	close(arrive)
	if err := <-ended; err == nil {
		t.Error("who lost the stage wrote on")
	}
	if err := old.Sync(); err == nil {
		t.Error("who lost the stage synced it")
	}
	if err := old.Seal(t.Context()); err == nil {
		t.Error("who lost the stage sealed it")
	}
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
}

// A stage is read while it is written: its parts become an object, and the writer goes on behind that.
func TestReadWhileWritten(t *testing.T) { eachServer(t, testReadWhileWritten) }

func testReadWhileWritten(t *testing.T, c *scene) {
	content := noise(19 * mib)
	g := c.stage("k")
	for at := 0; at < len(content); at += mib {
		c.write(g, content[at:at+mib])
		if at%(6*mib) != 0 {
			continue
		}
		c.must(g.Sync())
		b, err := c.OpenStage(t.Context(), "k", int64(at+mib))
		c.must(err)
		got, err := io.ReadAll(b)
		c.must(errors.Join(err, b.Close()))
		if !bytes.Equal(got, content[:at+mib]) {
			t.Fatalf("%d bytes of the stage are not as they were written", len(got))
		}
	}
	c.must(g.Seal(t.Context()))
	c.wantBlob("k", content)
}

// Many want to read a stage whose parts are no object yet.
func TestReadByMany(t *testing.T) { eachServer(t, testReadByMany) }

func testReadByMany(t *testing.T, c *scene) {
	content := noise(16 * mib)
	g := c.stage("k")
	c.write(g, content)
	c.must(g.Close())
	stores := []*s3.Store{c.Store, open(t, c.db, c.options)} // as two processes have them
	var readers errgroup.Group
	for i := range 8 {
		readers.Go(func() error {
			b, err := stores[i%2].OpenStage(t.Context(), "k", 16*mib)
			if err != nil {
				return err
			}
			got, err := io.ReadAll(b)
			if err == nil && !bytes.Equal(got, content) {
				err = errors.New("it is not what was written")
			}
			return errors.Join(err, b.Close())
		})
	}
	c.must(readers.Wait())
}

// Random steps on a stage leave it as the same steps leave a slice.
func TestRandomSteps(t *testing.T) { eachServer(t, testRandomSteps) }

func testRandomSteps(t *testing.T, c *scene) {
	random := rand.New(rand.NewPCG(7, 7))
	source := noise(40 * mib)
	other := c.stage("other")
	c.write(other, source[:13*mib])
	c.must(other.Close())
	for round := range 3 {
		g := c.stage("k")
		var want []byte
		for range 25 {
			switch step := random.IntN(8); {
			case step < 3:
				at := random.IntN(30 * mib)
				more := source[at : at+1+random.IntN(6*mib)]
				c.write(g, more)
				want = append(want, more...)
			case step == 3:
				c.must(g.Sync())
			case step == 4:
				want = want[:random.IntN(len(want)+1)]
				c.must(g.Cut(int64(len(want))))
			case step == 5:
				size := random.IntN(13 * mib)
				c.must(g.Append(t.Context(), "other", int64(size)))
				want = append(want, source[:size]...)
			case step == 6:
				c.must(g.Close())
				want = want[:len(want)-random.IntN(len(want)+1)/3]
				g = c.resume("k", len(want))
			default:
				c.must(g.Seal(t.Context()))
				c.wantBlob("k", want)
				c.must(c.Unseal(t.Context(), "k"))
				g = c.resume("k", len(want))
			}
			if g.Offset() != int64(len(want)) {
				t.Fatalf("round %d: the offset is %d, want %d", round, g.Offset(), len(want))
			}
		}
		c.must(g.Seal(t.Context()))
		c.wantBlob("k", want)
		c.must(c.Remove(t.Context(), "k"))
	}
}
