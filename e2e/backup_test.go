package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// A server in use is backed up, by a backup that is killed on its way, and restored over the other database and another store by a restore
// that is killed. All that was answered before the backup began is there, and people go on as they were.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	for name, database := range map[string][2]func(testing.TB) string{
		"sqlite to postgres": {func(testing.TB) string { return "" }, sqldbtest.PostgresURL},
		"postgres to sqlite": {sqldbtest.PostgresURL, func(testing.TB) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, folder := startOn(t, database[0](t)), filepath.Join(t.TempDir(), "backup")
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
			stop := writeOn(t, s.Register(t, "bob"))
			killed(t, func() *exec.Cmd { return s.Command("backup", folder, "--at-once", "1") }, nil)
			ann.Put(t, "between", "the backups")
			if out, code := outcome(t, s.Command("backup", folder, "--keep", "2")); code != 0 || !strings.Contains(out, "were there") {
				t.Fatalf("backup: %d, %s", code, out)
			}
			stop()
			seen := snapshot(t, ann, had)

			other := &Server{t: t, Database: database[1](t), Data: filepath.Join(t.TempDir(), "restored"), URL: s.URL, Admin: s.Admin, log: &logFile{}}
			if other.Database != "" {
				bucket := s3test.Start(t)
				other.Env = inBucket(t, bucket.Endpoint, true)
			}
			s.Kill()
			refused := false
			killed(t, func() *exec.Cmd { return other.Command("restore", folder, "--at-once", "1") }, func() {
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
			answer := send(t, ann.Bearer, http.MethodHead, upload, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil)
			if answer.StatusCode != http.StatusNotFound {
				t.Errorf("an upload whose bytes are in no backup: %s", answer.Status)
			}
			other.fsck()
			if out, code := outcome(t, other.Command("restore", folder)); code != 1 || !strings.Contains(out, "running") && !strings.Contains(out, "connected") {
				t.Errorf("restoring what is served: %d, %s", code, out)
			}
			other.Stop()
			if out, code := outcome(t, other.Command("restore", folder)); code != 1 || !strings.Contains(out, "A backup is restored to a new database") {
				t.Errorf("restoring over what is there: %d, %s", code, out)
			}
		})
	}
}

// writeOn has somebody write and remove files until the function that it answers is called.
func writeOn(t *testing.T, a *Account) (stop func()) {
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for i := uint64(0); ; i++ {
			select {
			case <-end:
				return
			default:
			}
			path := fmt.Sprintf("meanwhile%d", i%5)
			a.Put(t, path, string(seeded(1000+i, 90_000)))
			if i%3 == 0 {
				answer := send(t, a.Basic, http.MethodDelete, a.s.URL+"/dav/"+path, nil, nil)
				if answer.StatusCode != http.StatusNoContent {
					t.Errorf("DELETE %s: %s", path, answer.Status)
				}
			}
		}
	})
	return func() { close(end); running.Wait() }
}

// killed runs a command several times and kills it somewhere, and then lets it come to its end. half, if set, is called when it was
// killed and says that it has to go on.
func killed(t *testing.T, command func() *exec.Cmd, half func()) {
	t.Helper()
	for try := 1; ; try++ {
		cmd := command()
		var said logFile
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if try <= 5 { // any moment will do
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
