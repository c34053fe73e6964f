package e2e

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// An installation with some of everything moves from SQLite to Postgres and back by migrate-db, which is killed on the way.
// Its people find all that they had, are still signed in, and go on with an upload that was under way.
func TestMigrateDB(t *testing.T) {
	t.Parallel()
	const size = 9 << 20
	s := start(t, "SATCHEL_EVENTS_WEBHOOK=http://127.0.0.1:1/", "SATCHEL_EVENTS_WEBHOOK_SECRET=whsec_"+base64Of("nobody takes these events"))
	ann := s.Register(t, "ann")
	had := moveIn(t, ann)
	if answer := send(t, ann.Basic, "PROPPATCH", s.URL+"/dav/secret-plan-2.txt", nil, strings.NewReader(propBody)); answer.StatusCode != http.StatusMultiStatus {
		t.Fatal(answer.Status)
	}
	upload := ann.CreateUpload(t, "large.bin", size)
	if answer := ann.patch(t, upload, 0, noise(7, 5<<20)); answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer.Status)
	}
	seen := snapshot(t, ann, had)

	postgres, file := sqldbtest.PostgresURL(t), filepath.Join(t.TempDir(), "again.db")
	if out, code := outcome(t, s.Command("migrate-db", "--to", postgres)); code != 1 || !strings.Contains(out, "another Satchel is running") {
		t.Errorf("a server runs on the source: exit code %d, %s", code, out)
	}
	s.Stop()
	s.move(t, postgres)
	s.Start()
	if now := snapshot(t, ann, had); now != seen {
		t.Errorf("after the move to Postgres ann sees\n%s\nand before it was\n%s", now, seen)
	}
	if out, code := outcome(t, s.Command("migrate-db", "--to", file)); code != 1 || !strings.Contains(out, "others are connected") {
		t.Errorf("a server runs on the source: exit code %d, %s", code, out)
	}
	ann.finish(t, upload, 7, size, "large.bin")
	s.fsck()
	seen = snapshot(t, ann, had)

	s.Stop()
	s.move(t, "sqlite:"+file)
	s.Start()
	if now := snapshot(t, ann, had); now != seen {
		t.Errorf("after the move to SQLite ann sees\n%s\nand before it was\n%s", now, seen)
	}
	s.fsck()
}

// move has migrate-db fill a database that the server is to be on, and kills it on its way: in the midst of its tables, and then at any moment.
func (s *Server) move(t *testing.T, target string) {
	t.Helper()
	from := s.Database
	if from == "" {
		from = filepath.Join(s.Data, "satchel.db")
	}
	half := &Server{t: t, Data: s.Data, Database: target, Env: s.Env}
	for _, tables := range []int{1, 9, 30} { // of more than 40
		killBetweenTables(t, s.Command("migrate-db", "--to", target), tables)
		for _, command := range []*exec.Cmd{half.Command("migrate"), half.Command("serve", "--listen", "127.0.0.1:0", "--admin-listen", "off")} {
			if out, code := outcome(t, command); code != 1 || !strings.Contains(out, "is not whole") {
				t.Fatalf("half a copy, killed after %d tables: %v answers %d, %s", tables, command.Args, code, out)
			}
		}
	}
	for range 3 {
		move := s.Command("migrate-db", "--to", target)
		var said logFile
		move.Stdout, move.Stderr = &said, &said
		if err := move.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { _ = move.Process.Kill() }) // it may have ended
		_ = move.Wait()
		timer.Stop()
		if code := move.ProcessState.ExitCode(); code > 0 {
			t.Fatalf("migrate-db: exit code %d, %s", code, said.String())
		}
		if out, code := outcome(t, half.Command("migrate")); code != 0 && !strings.Contains(out, "is not whole") {
			t.Fatalf("migrate: exit code %d, %s", code, out)
		}
	}
	run(t, s.Command("migrate-db", "--to", target))
	s.Database = target
	out, code := outcome(t, s.Command("migrate-db", "--from", from, "--to", target))
	if code != 0 || strings.Contains(out, "copied\n") {
		t.Errorf("once more: %d, %s", code, out)
	}
}

// killBetweenTables runs a copy and kills it when it has told of some tables. It is never further than two tables on by then, however fast it is:
// its output is a pipe that holds one line.
func killBetweenTables(t *testing.T, move *exec.Cmd, tables int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_DIRECT|unix.O_CLOEXEC); err != nil { // each write takes a page, and is read as it was written: pipe(2)
		t.Fatal(err)
	}
	lines, stdout := os.NewFile(uintptr(ends[0]), "lines"), os.NewFile(uintptr(ends[1]), "stdout")
	defer lines.Close()
	_, err := unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, 1) // the least that there is, a page
	var said logFile
	move.Stdout, move.Stderr = stdout, &said
	if err == nil {
		err = move.Start()
	}
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, os.Getpagesize())
	for told := 0; told < tables && err == nil; told++ {
		_, err = lines.Read(line)
	}
	_ = move.Process.Kill()
	_ = move.Wait()
	if err != nil || move.ProcessState.ExitCode() >= 0 {
		t.Fatalf("migrate-db was to be killed after %d tables: %v, %v, %s", tables, err, move.ProcessState, said.String())
	}
}
