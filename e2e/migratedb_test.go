package e2e

import (
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// An installation with some of everything moves from SQLite to Postgres and back by migrate-db, which is killed many times on the way.
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

// move has migrate-db fill a database that the server is to be on, and kills it on its way.
func (s *Server) move(t *testing.T, target string) {
	t.Helper()
	from, refused, killed := s.Database, 0, 0
	if from == "" {
		from = filepath.Join(s.Data, "satchel.db")
	}
	for try := 1; ; try++ {
		move := s.Command("migrate-db", "--to", target)
		var said logFile
		move.Stdout, move.Stderr = &said, &said
		if err := move.Start(); err != nil {
			t.Fatal(err)
		}
		if killed < 12 {
			// Any moment will do: each try keeps what earlier ones have brought, so the later ones are killed further on.
			timer := time.AfterFunc(time.Duration(rand.IntN(50+40*try))*time.Millisecond, func() { _ = move.Process.Kill() })
			defer timer.Stop()
		}
		err := move.Wait()
		if err == nil {
			t.Logf("killed %d times, of which %d left a half copy", killed, refused)
			break
		}
		if move.ProcessState.ExitCode() >= 0 {
			t.Fatalf("%v: %s", err, said.String())
		}
		killed++
		half := &Server{t: t, Data: s.Data, Database: target, Env: s.Env}
		out, code := outcome(t, half.Command("migrate"))
		if code == 1 && strings.Contains(out, "is not whole") {
			refused++
			out, code = outcome(t, half.Command("serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"))
			if code != 1 || !strings.Contains(out, "is not whole") {
				t.Fatalf("half a copy is served: %d, %s", code, out)
			}
		} else if code != 0 {
			t.Fatalf("migrate: %s", out)
		}
	}
	if refused == 0 {
		t.Error("no kill left half a copy")
	}
	s.Database = target
	out, code := outcome(t, s.Command("migrate-db", "--from", from, "--to", target))
	if code != 0 || strings.Contains(out, "copied\n") {
		t.Errorf("once more: %d, %s", code, out)
	}
}
