package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb"
)

// A bit flips in each of 50 contents beside a server, on the disk or in the bucket, and in rows: the scrub names all 50 files and nothing else, the metrics and fsck tell. One is right again when it is
// sent once more, the others by fsck --repair, beside the server, from a backup.
func TestScrub(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) (s *Server, contents string){
		"disk": func(t *testing.T) (*Server, string) {
			s := start(t)
			return s, filepath.Join(s.Data, "blobs")
		},
		"bucket": func(t *testing.T) (*Server, string) {
			bucket := s3test.Start(t)
			return startOn(t, "", inBucket(t, bucket.Endpoint, true)...), bucket.Folder
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, contents := begin(t)
			ann := s.Register(t, "ann")
			var want []string
			damaged := map[string]bool{}
			contentOf := map[string]string{}
			for i := range 70 {
				path := fmt.Sprintf("/file%02d", i)
				content := path + " " + string(seeded(uint64(i), 200))
				if i%2 == 0 {
					content += string(seeded(uint64(i), 90_000)) // not in a row
				}
				ann.Put(t, path[1:], content)
				contentOf[path] = content
				if i >= 20 {
					damaged[path] = true
					want = append(want, "changed ann "+path)
				}
			}
			if got, code := s.scrub(t, "--rate", "0"); code != 0 || len(got) != 0 {
				t.Errorf("all is well: exit code %d, %v", code, got)
			}
			folder := filepath.Join(t.TempDir(), "backup")
			run(t, s.Command("backup", folder))
			// flip changes a bit of what belongs to a file that is to be damaged, behind the file's name.
			flip := func(content []byte) bool {
				path, rest, _ := strings.Cut(string(content[:min(len(content), 20)]), " ")
				if !damaged[path] || rest == "" {
					return false
				}
				delete(damaged, path)
				content[100+len(damaged)] ^= 1 << (len(damaged) % 8)
				return true
			}
			err := filepath.WalkDir(contents, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				content, err := os.ReadFile(path)
				if err == nil && flip(content) {
					err = os.Chmod(path, 0o600)
					if err == nil {
						err = os.WriteFile(path, content, 0o600)
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(damaged) != 25 {
				t.Fatalf("%d of 50 are in rows", len(damaged))
			}
			s.flipRows(t, flip)
			if len(damaged) != 0 {
				t.Fatalf("%v are nowhere", damaged)
			}
			for _, args := range [][]string{{"--rate", "0"}, {"--known"}} {
				if got, code := s.scrub(t, args...); code != 8 || !slices.Equal(got, want) {
					t.Errorf("scrub %v: exit code %d\n got %q\nwant %q", args, code, got, want)
				}
			}
			s.waitForMetric(t, "satchel_scrub_damaged", 50)
			if out, code := outcome(t, s.Command("fsck")); code != 8 || strings.Count(out, "its content is damaged") != 50 {
				t.Errorf("fsck: exit code %d, %s", code, out)
			}

			again := "/file69"
			ann.Put(t, "sent again", contentOf[again]) // which mends it
			if out, code := outcome(t, s.Command("fsck", "--repair")); code != 8 || strings.Count(out, "left: ") != 2*49 || !strings.Contains(out, `left:     "/file68" of ann`) || strings.Contains(out, again) {
				t.Errorf("fsck --repair: exit code %d, %s", code, out)
			}
			if out, code := outcome(t, s.Command("fsck", "--repair", "--from", folder)); code != 0 || strings.Count(out, "it is back from a backup") != 49 || !strings.Contains(out, "49 repaired, 0 left") {
				t.Errorf("fsck --repair --from: exit code %d, %s", code, out)
			}
			for path, content := range contentOf {
				if status, got := ann.Get(t, path[1:]); status != 200 || got != content {
					t.Errorf("%s: status %d, %d bytes", path, status, len(got))
				}
			}
			if got, code := s.scrub(t, "--rate", "0"); code != 0 || len(got) != 0 {
				t.Errorf("it was repaired: exit code %d, %v", code, got)
			}
			if out, code := outcome(t, s.Command("fsck")); code != 0 || !strings.Contains(out, "no problems") {
				t.Errorf("it was repaired: exit code %d, %s", code, out)
			}
			s.waitForMetric(t, "satchel_scrub_damaged", 0)
		})
	}
}

// flipRows changes contents that are in rows of a SQLite database that a server has open.
func (s *Server) flipRows(t *testing.T, flip func([]byte) bool) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(s.Data, "satchel.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	small := map[string][]byte{}
	err = db.Each(t.Context(), `SELECT id, content FROM blobs WHERE content IS NOT NULL`, nil, func(scan sqldb.Scan) error {
		var id string
		var content []byte
		err := scan(&id, &content)
		small[id] = content
		return err
	})
	for id, content := range small {
		if err == nil && flip(content) {
			_, err = db.Exec(t.Context(), `UPDATE blobs SET content = $2 WHERE id = $1`, id, content)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// scrub runs the command and answers the files that it names, as "what user path", by path.
func (s *Server) scrub(t *testing.T, args ...string) (named []string, code int) {
	t.Helper()
	cmd := s.Command("scrub", append(args, "--json")...)
	cmd.Stderr = nil
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var told struct {
			State, Found string
			Files        []struct{ User, Path string }
		}
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, f := range told.Files {
			named = append(named, told.Found+" "+f.User+" "+f.Path)
		}
	}
	slices.Sort(named)
	return named, cmd.ProcessState.ExitCode()
}
