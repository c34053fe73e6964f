package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// All content moves from a disk to a bucket, and then, over Postgres, back to another disk, while people read, write, join and remove, and while S3 refuses some
// requests and the server and the mover are killed. Nobody reads anything wrong, what was under way goes on, and in the end everything is in one place, once.
func TestMigrateBlobs(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": sqldbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			bucket := s3test.Start(t)
			proxy := s3test.NewProxy(t, bucket)
			s := startOn(t, database(t))
			settings := inBucket(t, proxy.Endpoint, true)
			where := func(blobs, from string) {
				s.Env = []string{"SATCHEL_BLOBS=" + blobs}
				if from != "" {
					s.Env = append(s.Env, "SATCHEL_BLOBS_FROM="+from)
				}
				if strings.HasPrefix(blobs, "s3:") || strings.HasPrefix(from, "s3:") {
					s.Env = append(s.Env, settings[1:]...)
				}
			}
			_, s3, _ := strings.Cut(settings[0], "=")
			first, second := "disk:"+filepath.Join(s.Data, "blobs"), "disk:"+filepath.Join(t.TempDir(), "other")
			m := &moving{t: t, s: s, a: s.Register(t, "ann")}
			for i := range 30 {
				m.store(fmt.Sprintf("old%d", i), 70_000+i*i*1500)
			}
			m.store("film", 20<<20)

			ways := []struct{ to, from string }{{s3, first}, {second, s3}}
			if name == "sqlite" {
				ways = ways[:1] // the way back is the same over both databases
			}
			for i, way := range ways {
				m.begin(i)
				s.Kill()
				where(way.to, way.from)
				s.Start()
				proxy.Decide(func(*http.Request) s3test.Fate {
					if rand.IntN(20) == 0 {
						return s3test.Refuse
					}
					return s3test.Pass
				})
				stop := m.live(i)
				if i == 0 {
					m.migrate(t, 3, true)
				}
				film := m.watch("film")
				m.migrate(t, 3, false)
				stop()
				m.finish()
				m.migrate(t, 1, false)
				if out, code := outcome(t, s.Command("migrate-blobs")); code != 0 || !strings.Contains(out, "Nothing is left in the old store") {
					t.Fatalf("migrate-blobs: exit code %d, %s", code, out)
				}
				film()
				proxy.Decide(func(*http.Request) s3test.Fate { return s3test.Pass })
				s.Stop()
				m.tidy(t, bucket, way.to == s3) // as long as gc looks at both: a kill may leave an object that is on no record any more
				where(way.to, "")
				s.Start()
				m.check()
				s.fsck()
			}
			if left := files(t, filepath.Join(s.Data, "blobs")); len(left) > 0 {
				t.Errorf("the first disk has %v", left)
			}
		})
	}
}

// moving is a drive with what is in it.
type moving struct {
	t     *testing.T
	s     *Server
	a     *Account
	up    sync.RWMutex // held for writing while the server is down
	files sync.Map     // name to the SHA-256 that the file has
	under []func() bool
}

func sum(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

func (m *moving) store(name string, size int) {
	content := seeded(uint64(size), size)
	m.a.Put(m.t, name, string(content))
	m.files.Store(name, sum(content))
}

// begin leaves uploads under way: a whole one, and one in parts of which the first is full.
func (m *moving) begin(round int) {
	m.t.Helper()
	whole := &transfer{t: m.t, a: m.a, name: fmt.Sprint("whole", round), content: seeded(uint64(100+round), 13<<20)}
	joined := &transfer{t: m.t, a: m.a, name: fmt.Sprint("joined", round), content: seeded(uint64(200+round), 17<<20)}
	inOrder := inParts(joined, 7<<20, 16<<20)
	for whole.acked < 6<<20 || inOrder.sent[1].acked < 1<<20 {
		if err := errors.Join(whole.step(3<<20), inOrder.step(3<<20)); err != nil {
			m.t.Fatal(err)
		}
	}
	for _, u := range []struct {
		*transfer
		step func(int) error
	}{{whole, whole.step}, {joined, inOrder.step}} {
		m.under = append(m.under, func() bool {
			if err := u.step(5 << 20); err != nil {
				m.t.Fatal(err)
			}
			if u.done {
				u.check()
				m.files.Store(u.name, sum(u.content))
			}
			return u.done
		})
	}
}

// finish sends what is under way to its end.
func (m *moving) finish() {
	m.t.Helper()
	for _, step := range m.under {
		for !step() {
		}
	}
	m.under = nil
}

// watch begins to read a file, as slowly as a film is watched. What it answers reads the rest.
func (m *moving) watch(name string) func() {
	m.t.Helper()
	answer, err := m.a.Basic.Get(m.s.URL + "/dav/" + name)
	if err != nil {
		m.t.Fatal(err)
	}
	digest := sha256.New()
	if _, err := io.CopyN(digest, answer.Body, 300_000); err != nil {
		m.t.Fatal(err)
	}
	return func() {
		m.t.Helper()
		defer answer.Body.Close()
		_, err := io.Copy(digest, answer.Body)
		if want, _ := m.files.Load(name); err != nil || hex.EncodeToString(digest.Sum(nil)) != want {
			m.t.Errorf("%s was read while it was moved, and is not itself: %v", name, err)
		}
	}
}

// live has people at work until the function that it answers is called.
func (m *moving) live(round int) (stop func()) {
	end := make(chan struct{})
	var running sync.WaitGroup
	var done [4]atomic.Int64
	for c := range done {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(round), uint64(c)))
			for n := 0; ; n++ {
				select {
				case <-end:
					return
				default:
				}
				if c < 2 {
					m.read(random)
				} else {
					m.write(random, fmt.Sprintf("new%d-%d-%d", round, c, n%6), n)
				}
				done[c].Add(1)
			}
		})
	}
	return func() {
		m.t.Helper()
		close(end)
		running.Wait()
		for c := range done {
			if done[c].Load() == 0 {
				m.t.Errorf("client %d did nothing", c)
			}
		}
	}
}

// read reads a file that nobody writes to, whole or from somewhere in it.
func (m *moving) read(random *rand.Rand) {
	name := fmt.Sprintf("old%d", random.IntN(30))
	m.up.RLock()
	defer m.up.RUnlock()
	status, content := m.a.tryGet(name)
	if want, _ := m.files.Load(name); status != 0 && (status != http.StatusOK || sum([]byte(content)) != want) {
		m.t.Errorf("%s: %d and %d bytes that are not those", name, status, len(content))
	}
}

// write uploads a file, whole or in parts that are joined, in the place of what had its name; or it removes that.
func (m *moving) write(random *rand.Rand, name string, n int) {
	if n%5 == 4 {
		m.up.RLock()
		defer m.up.RUnlock()
		if r, err := http.NewRequest(http.MethodDelete, m.s.URL+"/dav/"+name, nil); err == nil {
			if answer, err := m.a.Basic.Do(r); err == nil {
				answer.Body.Close()
				m.files.Delete(name)
			}
		}
		return
	}
	u := &transfer{t: m.t, a: m.a, name: name, content: seeded(random.Uint64(), 80_000+random.IntN(500_000))}
	step := u.step
	if n%3 == 0 {
		step = inParts(u, 70_000+random.IntN(10_000)).step
	}
	m.files.Delete(name)
	for !u.done {
		m.up.RLock()
		err := step(200_000)
		m.up.RUnlock()
		if errors.Is(err, errServerGone) {
			time.Sleep(20 * time.Millisecond) // whoever killed it has the lock by then
		} else if err != nil {
			return
		}
	}
	m.files.Store(name, sum(u.content))
}

// migrate runs the mover, slowly, and kills it several times; and the server in between, if it may. The last run comes to its end, though
// something may be left that is under way.
func (m *moving) migrate(t *testing.T, kills int, killServer bool) {
	t.Helper()
	for try := range kills + 1 {
		move := m.s.Command("migrate-blobs", "--rate", "12MiB", "--at-once", "3")
		var said logFile
		move.Stdout, move.Stderr = &said, &said
		if err := move.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- move.Wait() }()
		if try < kills {
			time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond) // any moment will do
			if killServer {
				m.s.Kill()
				m.up.Lock()
				m.s.Start()
				m.up.Unlock()
			}
			_ = move.Process.Kill() // it may have ended
		}
		<-ended
		if code := move.ProcessState.ExitCode(); code > 1 || code == 1 && !strings.Contains(said.String(), "are left in the old store") {
			t.Fatalf("migrate-blobs: exit code %d, %s", code, said.String())
		}
	}
}

func (m *moving) check() {
	m.t.Helper()
	n := 0
	m.files.Range(func(name, want any) bool {
		n++
		if got, size := m.a.SHA256(m.t, name.(string)); got != want {
			m.t.Errorf("%s has %d bytes that are not those", name, size)
		}
		return true
	})
	if n < 35 {
		m.t.Errorf("there are only %d files", n)
	}
}

// files are the files in a folder of a store, but for its lock.
func files(t *testing.T, folder string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
			all = append(all, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// tidy makes everything old, so that gc may take what nothing names, and compares what is left with the rows: there is each content once.
func (m *moving) tidy(t *testing.T, bucket *s3test.Server, remote bool) {
	t.Helper()
	hours := time.Now().Add(-3 * time.Hour)
	objects := func() (all []string) {
		return slices.DeleteFunc(files(t, filepath.Join(bucket.Folder, s3test.Bucket)), func(path string) bool {
			return strings.Contains(path, ".sgwtmp") || filepath.Base(path) == "ready"
		})
	}
	for _, path := range objects() {
		if err := os.Chtimes(path, hours, hours); err != nil {
			t.Fatal(err)
		}
	}
	where := m.s.Database
	if where == "" {
		where = "sqlite:" + filepath.Join(m.s.Data, "satchel.db")
	}
	db, err := sqldb.Open(t.Context(), where, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), `UPDATE s3_contents SET modified_at = $1`, sqldb.Micros(hours)); err != nil {
		t.Fatal(err)
	}
	run(t, m.s.Command("gc"))
	var blobs, keys, tails int
	if err := db.Row(t.Context(), `SELECT (SELECT COUNT(*) FROM blobs WHERE content IS NULL), (SELECT COUNT(*) FROM s3_contents), (SELECT COUNT(*) FROM s3_contents WHERE object = '' OR tail <> '' OR NOT sealed)`,
		nil, &blobs, &keys, &tails); err != nil {
		t.Fatal(err)
	}
	if !remote {
		blobs = 0
	}
	if n := len(objects()); keys != blobs || n != blobs || tails != 0 {
		t.Errorf("%d blobs are in S3, in %d records, of which %d are not whole, and %d objects", blobs, keys, tails, n)
	}
}
