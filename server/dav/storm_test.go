package dav_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/sqldb"
)

// stormEnv makes TestStorm last for a time, such as 30s.
const stormEnv = "SATCHEL_TEST_STORM"

// stormSteps is how many requests each client of TestStorm sends without it.
const stormSteps = 120

// TestStorm has two writers, a mover and a remover at work on one tree at once. Whatever wins, the tree stays a tree, the
// usage is exact, and no content whose PUT was answered is lost: it is in a file, in a version or in the trash.
func TestStorm(t *testing.T) {
	var lasts time.Duration
	if text := os.Getenv(stormEnv); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", stormEnv, err)
		}
	}
	// Content above 64 bytes goes to the blob store. No version is dropped.
	o := setup{drive: drive.Options{InlineMax: 64, Versions: 1_000_000}, dav: dav.Options{MaxNodes: 1_000_000}}
	onBoth(t, o, func(t *testing.T, s *server) {
		storm := &storm{server: s, stored: map[string]bool{}, answers: map[string]int{}}
		goesOn := func(begin time.Time, step int) bool {
			if lasts > 0 {
				return time.Since(begin) < lasts
			}
			return step < stormSteps
		}
		var running sync.WaitGroup
		for i, act := range []func(*rand.Rand, string){storm.write, storm.write, storm.move, storm.remove} {
			random := rand.New(rand.NewPCG(4918, uint64(i)))
			running.Go(func() {
				for begin, step := time.Now(), 0; goesOn(begin, step) && !t.Failed(); step++ {
					act(random, fmt.Sprintf("client %d, step %d ", i, step))
				}
			})
		}
		running.Wait()
		storm.settle()
		t.Logf("%d contents stored; %v", len(storm.stored), storm.answers)
	})
}

// storm is what the clients of TestStorm share.
type storm struct {
	*server
	mu      sync.Mutex
	stored  map[string]bool // SHA-256 of what PUTs were answered 201 or 204 for, in hexadecimal
	answers map[string]int  // "PUT 201" and so on
}

// place is one of few, so that the clients meet: a file or a folder, up to three deep, more often deep than not.
func (s *storm) place(random *rand.Rand) string {
	path := "/dav"
	for range 1 + max(random.IntN(3), random.IntN(3)) {
		path += "/" + string("abcd"[random.IntN(4)])
	}
	return path
}

func (s *storm) ask(method, path, headers string, body ...string) int {
	a := s.do(method, path, headers, body...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[fmt.Sprint(method, " ", a.status)]++
	if a.status >= 500 {
		s.t.Errorf("%s %s [%s] is %d: %s", method, path, headers, a.status, a.body)
	}
	return a.status
}

func (s *storm) write(random *rand.Rand, text string) {
	path := s.place(random)
	text += strings.Repeat("x", random.IntN(100))
	status := s.ask("PUT", path, "", text)
	if status == http.StatusConflict { // a folder is missing
		for i := len("/dav/"); i < len(path); i++ {
			if path[i] == '/' {
				s.ask("MKCOL", path[:i], "")
			}
		}
		status = s.ask("PUT", path, "", text)
	}
	if random.IntN(4) == 0 {
		s.ask("PROPPATCH", path, "", updateOpen+set("<x:a>"+text+"</x:a>")+updateClose)
	}
	if status == http.StatusCreated || status == http.StatusNoContent {
		sum := sha256.Sum256([]byte(text))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stored[hex.EncodeToString(sum[:])] = true
	}
}

func (s *storm) move(random *rand.Rand, _ string) {
	overwrite := "T"
	if random.IntN(4) == 0 {
		overwrite = "F"
	}
	if path := s.any(random); path != "" {
		s.ask("MOVE", path, "Overwrite: "+overwrite+"\nDestination: "+s.place(random))
	}
}

func (s *storm) remove(random *rand.Rand, _ string) {
	if path := s.any(random); path != "" {
		s.ask("DELETE", path, "")
	}
}

// any is something that was there a moment ago, and empty while there is little.
func (s *storm) any(random *rand.Rand) string {
	all := s.list("/dav/", "infinity")
	if len(all) < 12 {
		return ""
	}
	return all[1+random.IntN(len(all)-1)]
}

// settle looks at what is there when all is quiet.
func (s *storm) settle() {
	problems, err := s.drives.Check(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range problems {
		s.t.Errorf("check: %s", p)
	}
	kept := map[string]bool{}
	err = s.db.Each(s.t.Context(), `SELECT sha256 FROM nodes WHERE NOT folder UNION SELECT b.sha256 FROM versions v JOIN blobs b ON b.id = v.blob_id`, nil,
		func(scan sqldb.Scan) error {
			var sum []byte
			err := scan(&sum)
			kept[hex.EncodeToString(sum)] = true
			return err
		})
	if err != nil {
		s.t.Fatal(err)
	}
	lost := 0
	for sum := range s.stored {
		if !kept[sum] {
			lost++
		}
	}
	if lost > 0 || len(s.stored) < stormSteps/8 {
		s.t.Errorf("of %d contents whose PUT was answered %d are lost", len(s.stored), lost)
	}
	s.readAll()
}

// readAll goes down the tree folder by folder and compares it with the listing of all of it; every file holds what some PUT brought.
func (s *storm) readAll() {
	all := s.list("/dav/", "infinity")
	seen := map[string]bool{}
	var down func(folder string)
	down = func(folder string) {
		for _, href := range s.list(folder, "1") {
			if seen[href] {
				continue
			}
			seen[href] = true
			if strings.HasSuffix(href, "/") {
				down(href)
				continue
			}
			a := s.want(http.StatusOK, "GET", href, "")
			if sum := sha256.Sum256([]byte(a.body)); !s.stored[hex.EncodeToString(sum[:])] {
				s.t.Errorf("%s holds %q, which nobody stored", href, a.body)
			}
		}
	}
	down("/dav/")
	for _, href := range all {
		if !seen[href] {
			s.t.Errorf("%s is in the whole, and in no folder", href)
		}
	}
	if len(all) != len(seen) {
		s.t.Errorf("the whole has %d resources, and its folders %d", len(all), len(seen))
	}
}

func (s *storm) list(path, depth string) []string {
	a := s.want(207, "PROPFIND", path, "Depth: "+depth, `<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>`)
	var listed struct {
		Hrefs []string `xml:"response>href"`
	}
	if err := xml.Unmarshal([]byte(a.body), &listed); err != nil {
		s.t.Fatal(err)
	}
	return listed.Hrefs
}
