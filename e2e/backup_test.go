package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// A server in use is backed up, by a backup that is killed on its way, to a folder and to a bucket. It is killed while people write, and restored over the other
// database and another store by a restore that is killed. All that was answered before the backup began is there, and people go on as they were.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	sqlite := func(testing.TB) string { return "" }
	for name, test := range map[string]struct {
		from, to func(testing.TB) string
		bucket   bool // is where the backup goes
		kills    int
	}{
		"sqlite to postgres": {sqlite, sqldbtest.PostgresURL, false, 3},
		"postgres to sqlite": {sqldbtest.PostgresURL, sqlite, true, 0}, // where a backup that is killed keeps the next one waiting for five seconds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place, keys := filepath.Join(t.TempDir(), "backup"), []string(nil)
			if test.bucket {
				place = "s3://" + s3test.Bucket + "/backups?path_style=true&region=" + s3test.Region + "&endpoint=" + s3test.Start(t).Endpoint
				keys = []string{"AWS_ACCESS_KEY_ID=" + s3test.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3test.SecretKey}
			}
			s := startOn(t, test.from(t), keys...)
			ann := s.Register(t, "ann")
			had := moveIn(t, ann)
			want := map[string]string{}
			for i := range 12 {
				path, content := fmt.Sprintf("file%d", i), string(seeded(uint64(i), 50_000*i))
				ann.Put(t, path, content)
				want[path] = content
			}
			upload := ann.CreateUpload(t, "under-way.bin", 3<<20)
			if answer := ann.patch(t, upload, 0, noise(7, 2<<20)); answer.StatusCode != http.StatusNoContent {
				t.Fatal(answer.Status)
			}
			bob := write(t, s.Register(t, "bob"))
			killed(t, test.kills, func() *exec.Cmd { return s.Command("backup", place, "--at-once", "1") }, nil)
			ann.Put(t, "between", "the backups")
			before := bob.acknowledged()
			if out, code := outcome(t, s.Command("backup", place, "--keep", "2")); code != 0 || !strings.Contains(out, "were there") {
				t.Fatalf("backup: %d, %s", code, out)
			}
			seen := snapshot(t, ann, had)
			if len(before) == 0 {
				t.Error("bob had written nothing before the backup")
			}
			waitFor(t, "bob to write on", func() bool { return len(bob.acknowledged()) > len(before) })
			bob.kill()

			other := &Server{t: t, Database: test.to(t), Data: filepath.Join(t.TempDir(), "restored"), URL: s.URL, Admin: s.Admin, log: &logFile{}, Env: keys}
			if other.Database != "" {
				other.Env = append(other.Env, inBucket(t, s3test.Start(t).Endpoint, true)...)
			}
			refused := false
			killed(t, 4, func() *exec.Cmd { return other.Command("restore", place, "--at-once", "1") }, func() {
				out, code := outcome(t, other.Command("migrate")) // which looks only, once there is a schema
				if code == 1 && !strings.Contains(out, "is not whole") {
					t.Errorf("what is half restored is opened: %d, %s", code, out)
				}
				refused = refused || code == 1
			})
			if !refused {
				t.Log("no kill left half a restore")
			}
			t.Cleanup(other.Kill)
			other.Start()
			if now := snapshot(t, ann, had); now != seen {
				t.Errorf("after restoring ann sees\n%s\nand before it was\n%s", now, seen)
			}
			want["between"] = "the backups"
			for path, content := range want {
				if status, got := ann.Get(t, path); status != http.StatusOK || got != content {
					t.Errorf("%s: %d, %d bytes of %d", path, status, len(got), len(content))
				}
			}
			for path, content := range before {
				if status, got := bob.account.Get(t, path); status != http.StatusOK || got != content {
					t.Errorf("%s, which bob had an answer for before the backup began: %d, %d bytes of %d", path, status, len(got), len(content))
				}
			}
			answer := send(t, ann.Bearer, http.MethodHead, upload, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
			if answer.StatusCode != http.StatusNotFound {
				t.Errorf("an upload whose bytes are in no backup: %s", answer.Status)
			}
			other.fsck()
			if out, code := outcome(t, other.Command("restore", place)); code != 1 || !strings.Contains(out, "running") && !strings.Contains(out, "connected") {
				t.Errorf("restoring what is served: %d, %s", code, out)
			}
			other.Stop()
			if out, code := outcome(t, other.Command("restore", place)); code != 1 || !strings.Contains(out, "A backup is restored to a new database") {
				t.Errorf("restoring over what is there: %d, %s", code, out)
			}
		})
	}
}

// writer writes and removes files until its server is killed.
type writer struct {
	t       *testing.T
	account *Account
	running sync.WaitGroup
	ending  atomic.Bool // the server may be gone

	mu  sync.Mutex
	has map[string]string // what was written once and answered
}

func write(t *testing.T, a *Account) *writer {
	w := &writer{t: t, account: a, has: map[string]string{}}
	w.running.Go(func() {
		for i := uint64(0); w.step(i); i++ {
		}
	})
	return w
}

// step writes a file that is written over or removed, now and then one that stays, and reports whether to go on.
func (w *writer) step(i uint64) bool {
	if i%8 == 0 {
		stays, content := fmt.Sprintf("stays%d", i), string(seeded(2000+i, 70_000))
		if !w.do(http.MethodPut, stays, content) {
			return false
		}
		w.mu.Lock()
		w.has[stays] = content
		w.mu.Unlock()
	}
	goes := fmt.Sprintf("meanwhile%d", i%5)
	return w.do(http.MethodPut, goes, string(seeded(1000+i, 90_000))) && (i%3 > 0 || w.do(http.MethodDelete, goes, ""))
}

// do reports whether a request was answered as it should be; any other answer is an error, and so is none while the server lives.
func (w *writer) do(method, path, content string) bool {
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.account.s.URL+"/dav/"+path, strings.NewReader(content))
	if err != nil {
		w.t.Error(err)
		return false
	}
	answer, err := w.account.Basic.Do(request)
	if err != nil {
		if !w.ending.Load() {
			w.t.Errorf("%s %s: %v", method, path, err)
		}
		return false
	}
	_ = answer.Body.Close() // it is empty
	if answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusNoContent {
		w.t.Errorf("%s %s: %s", method, path, answer.Status)
		return false
	}
	return true
}

// acknowledged are the files that stay, as they were answered until now.
func (w *writer) acknowledged() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.has)
}

// kill kills the server while it writes.
func (w *writer) kill() {
	w.ending.Store(true)
	w.account.s.Kill()
	w.running.Wait()
}

// killed runs a command so many times and kills it somewhere, and then lets it come to its end. half, if set, is called when it was
// killed and says that it has to go on.
func killed(t *testing.T, kills int, command func() *exec.Cmd, half func()) {
	t.Helper()
	for try := 1; ; try++ {
		cmd := command()
		var said logFile
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if try <= kills { // any moment will do
			timer := time.AfterFunc(time.Duration(rand.IntN(60+100*try))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		if err := cmd.Wait(); err == nil || try > 1 && strings.Contains(said.String(), "A backup is restored to a new database") {
			return // now, or when it was killed right after its end
		}
		if cmd.ProcessState.ExitCode() >= 0 {
			t.Fatalf("%s: %s", cmd.Args[1], said.String())
		}
		if half != nil {
			half()
		}
	}
}
