package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// ways are the ways in which stock clients upload.
var ways = []struct {
	name string
	job  job
}{
	{"whole", job{}},
	{"chunked", job{Options: map[string]any{"chunkSize": 1 << 20}}},
	{"parallel", job{Options: map[string]any{"parallelUploads": 4}}},
	{"deferred", job{Stream: true, Options: map[string]any{"uploadLengthDeferred": true, "chunkSize": 500_000}}},
	{"creation", job{Options: map[string]any{"uploadDataDuringCreation": true, "chunkSize": 256 << 10}}},
	{"override", job{Options: map[string]any{"overridePatchMethod": true, "chunkSize": 1 << 20}}},
	{"uppy", job{Client: "uppy"}},
	{"uppy-paused", job{Client: "uppy", StopAt: clientSize / 3, Options: map[string]any{"chunkSize": 1 << 20}}},
}

// clientSize is how long the files are that clients upload. No chunk size divides it: tus-js-client 4.3.1 waits for ever for the
// end of a Node stream that ends with a chunk.
const clientSize = 6<<20 + 7

// clients are a server, what is uploaded to it, and a place where clients run.
type clients struct {
	t      *testing.T
	s      *Server
	ann    *Account
	sum    string // of every source
	folder string // of the sources
	runner *driver
	again  func() *driver        // the same place later: another process, or the page loaded anew
	source func(f string) string // what a job calls a source
	line   *cutter               // on the way to the server; nil for none
}

// eachPlace runs fn on each database, with clients in Node and in Chromium.
func eachPlace(t *testing.T, fn func(c *clients)) {
	folder := t.TempDir()
	sum := noiseFile(t, filepath.Join(folder, "source"), 7, clientSize)
	for _, copied := range []string{"stopped", "parts", "joined"} { // clients know a file that they began by its name
		if err := os.Link(filepath.Join(folder, "source"), filepath.Join(folder, copied)); err != nil {
			t.Fatal(err)
		}
	}
	page := pageOf(t, folder)
	each := func(t *testing.T, s *Server) {
		c := clients{s: s, ann: s.Register(t, "ann"), sum: sum, folder: folder}
		t.Run("node", func(t *testing.T) {
			c := c
			store := filepath.Join(t.TempDir(), "store.json")
			c.t, c.runner = t, nodeClients(t, store)
			c.again = func() *driver { return nodeClients(t, store) }
			c.source = func(f string) string { return filepath.Join(folder, f) }
			fn(&c)
		})
		t.Run("chromium", func(t *testing.T) {
			c := c
			c.t, c.runner = t, browserClients(t, page)
			c.again = func() *driver { return c.runner }
			c.source = func(f string) string { return "/files/" + f }
			fn(&c)
		})
		s.fsck()
	}
	origins := "SATCHEL_CORS_ORIGINS=" + page.URL
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		each(t, start(t, origins))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		each(t, startOn(t, sqldbtest.PostgresURL(t), origins))
	})
}

// job fills in what all jobs have. Each test has names of its own.
func (c *clients) job(j job, name string) job {
	j.Endpoint, j.Token, j.Name = c.address()+"/files/", c.ann.Token, strings.ReplaceAll(c.t.Name(), "/", "-")+"-"+name+".bin"
	if j.File == "" {
		j.File = "source"
	}
	j.File = c.source(j.File)
	return j
}

// address is where the clients think that the server is.
func (c *clients) address() string {
	if c.line != nil {
		return c.line.URL
	}
	return c.s.URL
}

// do runs a job and reports what the server did wrong, however the job ended.
func (c *clients) do(d *driver, j job) sighting {
	c.t.Helper()
	seen := d.Do(c.t, j)
	wrong := append(seen.Foreign, seen.Lost...)
	if c.line == nil {
		wrong = append(wrong, seen.Complaints...) // half an answer lacks the header that a browser looks for
	}
	for _, what := range wrong {
		c.t.Errorf("%s: %s", j.Name, what)
	}
	return seen
}

// upload runs a job that must end with the right file.
func (c *clients) upload(d *driver, j job) sighting {
	c.t.Helper()
	seen := c.do(d, j)
	if seen.End != "done" {
		c.t.Fatalf("%s: %s %s\n%s", j.Name, seen.End, seen.Message, d.failure)
	}
	if got, size := c.ann.SHA256(c.t, j.Name); got != c.sum || size != clientSize {
		c.t.Errorf("%s: WebDAV serves %d bytes with SHA-256 %s; want %d with %s", j.Name, size, got, clientSize, c.sum)
	}
	return seen
}

// stop runs a job that stops on the way, and answers the upload's address.
func (c *clients) stop(d *driver, j job) sighting {
	c.t.Helper()
	j.StopAt = clientSize / 2
	seen := c.do(d, j)
	if seen.End != "stopped" {
		c.t.Fatalf("%s: %s %s; want an upload that stopped\n%s", j.Name, seen.End, seen.Message, d.failure)
	}
	return seen
}

// Stock clients need nothing special: whole, chunked, in parallel, of unknown length, with creation, paused; terminated;
// resumed by the address that they stored, or were given. In the browser all of it from another origin.
func TestClients(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(c *clients) {
		for _, way := range ways {
			c.upload(c.runner, c.job(way.job, way.name))
		}
		c.stopAndGoOn()

		c.stop(c.runner, c.job(job{File: "parts", Options: map[string]any{"parallelUploads": 4, "chunkSize": 256 << 10}}, "parts"))
		seen := c.upload(c.again(), c.job(job{File: "parts", Options: map[string]any{"parallelUploads": 4}, Resume: true, Reload: true}, "parts"))
		if seen.Created != 1 || len(seen.ResumedAt) != 4 {
			c.t.Errorf("parts resumed by their stored addresses: %+v; want four resumed, and joined", seen)
		}
	})
}

// The answer to the request that joins parallel parts is lost, and the client does what it does then: it asks how far its parts are, and
// has them joined again. There is one file. Sent again to another place, from the addresses that the client stored, the same file costs
// no byte.
func TestClientsWhoseJoinIsNotAnswered(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(c *clients) {
		line := loseJoins(c.t, c.s.URL, 2)
		upload := func(folder string, resume bool) sighting {
			j := c.job(job{File: "joined", Metadata: map[string]string{"folder": folder}, Options: map[string]any{"parallelUploads": 4}, Resume: resume}, "lost")
			j.Endpoint = line.URL + "/files/"
			seen := c.runner.Do(c.t, j)
			if seen.End != "done" {
				c.t.Fatalf("to %s: %+v", folder, seen)
			}
			path := strings.TrimPrefix(folder+"/"+j.Name, "/")
			if got, size := c.ann.SHA256(c.t, path); got != c.sum || size != clientSize {
				c.t.Errorf("%s: WebDAV serves %d bytes with SHA-256 %s; want %d with %s", path, size, got, clientSize, c.sum)
			}
			if status, _ := c.ann.Get(c.t, strings.Replace(path, ".bin", " (1).bin", 1)); status != http.StatusNotFound {
				c.t.Errorf("%s is there twice: the second one answers %d", path, status)
			}
			return seen
		}
		// A browser may send such a request again by itself.
		if seen := upload("", false); seen.Created != 5 || len(seen.ResumedAt)%4 != 0 {
			c.t.Errorf("two answers lost: %+v; want four parts, and what joins them", seen)
		}
		if left := line.left.Load(); left > 0 {
			c.t.Errorf("%d answers were not lost", left)
		}
		if seen := upload("elsewhere", true); seen.Created != 1 || len(seen.ResumedAt) != 4 {
			c.t.Errorf("the same file to another place: %+v; want four parts that are there, and what joins them", seen)
		}
	})
}

// loser is a way to a server on which answers are lost.
type loser struct {
	*httptest.Server
	left atomic.Int64 // answers that are to be lost
}

// loseJoins loses the first n answers to requests that join parts, whose work is done by then.
func loseJoins(t *testing.T, server string, n int64) *loser {
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l := &loser{}
	l.left.Store(n)
	l.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if strings.HasPrefix(r.Request.Header.Get("Upload-Concat"), "final;") && r.StatusCode == http.StatusCreated && l.left.Add(-1) >= 0 {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0),
	})
	t.Cleanup(l.Close)
	return l
}

// stopAndGoOn terminates an upload, resumes one by the address that the client stored, and one by its address alone.
func (c *clients) stopAndGoOn() {
	c.t.Helper()
	megabytes := map[string]any{"chunkSize": 1 << 20}

	terminated := c.stop(c.runner, c.job(job{Terminate: true, Options: megabytes}, "terminated"))
	if status := c.head(terminated.URL); !gone(status) {
		c.t.Errorf("after abort(true) the upload is still there: %d", status)
	}
	if terminated.Message != "" && (c.line == nil || !gone(terminated.Status)) { // asked again after a lost answer, it is gone
		c.t.Errorf("abort(true): %s", terminated.Message)
	}

	stopped := c.stop(c.runner, c.job(job{File: "stopped", Options: megabytes}, "stored"))
	seen := c.upload(c.again(), c.job(job{File: "stopped", Options: megabytes, Resume: true, Reload: true}, "stored"))
	if seen.URL != stopped.URL || seen.Created != 0 || seen.ResumedAt[0] == 0 {
		c.t.Errorf("resumed by the stored address: %+v; it stopped with %+v", seen, stopped)
	}

	stopped = c.stop(c.runner, c.job(job{Options: megabytes}, "given"))
	seen = c.upload(c.again(), c.job(job{Options: map[string]any{"uploadUrl": stopped.URL}}, "given"))
	if seen.URL != stopped.URL || seen.Created != 0 || seen.ResumedAt[0] == 0 {
		c.t.Errorf("resumed by a given address: %+v; it stopped with %+v", seen, stopped)
	}
}

func gone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// head is the status of an upload, asked for on a way that is not cut.
func (c *clients) head(address string) int {
	c.t.Helper()
	address = strings.Replace(address, c.address(), c.s.URL, 1)
	return send(c.t, c.ann.Bearer, http.MethodHead, address, headers(map[string]string{"Tus-Resumable": "1.0.0"}), nil).StatusCode
}

// setting is a number from the environment, for longer runs: see make soak.
func setting(t testing.TB, name string, without int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return without
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a count", name, text)
	}
	return n
}

// The same clients on a line that breaks at random: every upload ends with the right file, whatever was cut.
func TestClientsThroughCuts(t *testing.T) {
	t.Parallel()
	const rounds = 60 // that a way has to use up its cuts
	cuts := setting(t, "SATCHEL_TEST_CUTS", 25)
	eachPlace(t, func(c *clients) {
		c.line = newCutter(c.t, c.s, 23)
		begin, share := time.Now(), cuts/(len(ways)+1)
		c.line.Allow(share)
		c.stopAndGoOn()
		files := 2
		for i, way := range ways {
			if c.line.Allow(share); i == 0 {
				c.line.Allow(cuts % (len(ways) + 1))
			}
			for round := 0; round == 0 || c.line.Left() > 0; round++ {
				if round == rounds {
					c.t.Fatalf("%s: %d cuts are left after %d uploads", way.name, c.line.Left(), rounds)
				}
				c.upload(c.runner, c.job(way.job, fmt.Sprint(way.name, round)))
				files++
			}
		}
		c.onlyWholeFiles()
		c.t.Logf("%d files through %d cuts in %v", files, c.line.Made(), time.Since(begin).Round(time.Millisecond))
	})
}

// onlyWholeFiles looks at everything in the drive: an answer that was lost may have made a file twice, but never another one, and never
// of parts.
func (c *clients) onlyWholeFiles() {
	c.t.Helper()
	var listing struct {
		Children []struct{ Name, SHA256 string }
		Next     string
	}
	decode(c.t, send(c.t, c.ann.Bearer, http.MethodGet, c.s.URL+"/api/v1/files/", nil, nil), http.StatusOK, &listing)
	if len(listing.Children) == 0 || listing.Next != "" {
		c.t.Fatalf("the listing has %d files, and %q follows", len(listing.Children), listing.Next)
	}
	for _, file := range listing.Children {
		if file.SHA256 != c.sum {
			c.t.Errorf("%s has SHA-256 %s; want %s", file.Name, file.SHA256, c.sum)
		}
		if strings.Contains(file.Name, "-parallel") && strings.Contains(file.Name, " (") {
			c.t.Errorf("%s was joined twice", file.Name)
		}
	}
}

// One large file in four parts at once is one file.
func TestLargeParallelUpload(t *testing.T) {
	t.Parallel()
	size := int64(setting(t, "SATCHEL_TEST_PARALLEL_MIB", 256)) << 20
	file := filepath.Join(t.TempDir(), "source")
	want := noiseFile(t, file, 3, size)
	s := start(t)
	ann := s.Register(t, "ann")
	begin := time.Now()
	seen := nodeClients(t, filepath.Join(t.TempDir(), "store.json")).Do(t, job{
		Endpoint: s.URL + "/files/", Token: ann.Token, File: file, Name: "large.bin", Options: map[string]any{"parallelUploads": 4},
	})
	if seen.End != "done" || seen.Created != 5 {
		t.Fatalf("%+v; want four parts and what joins them", seen)
	}
	t.Logf("%d MiB in four parts at once: %v", size>>20, time.Since(begin).Round(time.Millisecond))
	if got, n := ann.SHA256(t, "large.bin"); got != want || n != size {
		t.Errorf("WebDAV serves %d bytes with SHA-256 %s; want %d with %s", n, got, size, want)
	}
	s.fsck()
}

// A phone's battery ends in the middle of an upload. A laptop has the same file, finds by its hash what the phone had sent,
// and sends the rest; then the file is found, and made again somewhere else without a byte.
func TestPhoneAndLaptop(t *testing.T) {
	t.Parallel()
	const size = 24 << 20
	file := filepath.Join(t.TempDir(), "film.mp4")
	sum := noiseFile(t, file, 5, size)
	bothDatabases(t, func(t *testing.T, s *Server) {
		phone := s.Register(t, "ann")
		battery := nodeClients(t, filepath.Join(t.TempDir(), "phone.json"))
		seen := battery.Do(t, job{
			Endpoint: s.URL + "/files/", Token: phone.Token, File: file, Name: "film.mp4", Progress: true,
			Metadata: map[string]string{"sha256": sum}, Options: map[string]any{"chunkSize": 1 << 20},
		}, func(bytes int64) {
			if bytes >= size/2 {
				battery.Kill()
			}
		})
		if seen.End != "gone" {
			t.Fatalf("the phone ended well: %+v", seen)
		}

		laptop := s.Login(t, "ann")
		found := laptop.Lookup(t, sum, size, "film.mp4", "/")
		if found.Status != "partial" || found.Upload.Offset < size/4 || found.Upload.Offset >= size {
			t.Fatalf("the laptop finds %+v; want about half an upload", found)
		}
		seen = nodeClients(t, filepath.Join(t.TempDir(), "laptop.json")).Do(t, job{
			Endpoint: s.URL + "/files/", Token: laptop.Token, File: file, Name: "film.mp4", Options: map[string]any{"uploadUrl": found.Upload.URL},
		})
		if seen.End != "done" || seen.Created != 0 || len(seen.ResumedAt) != 1 || seen.ResumedAt[0] < found.Upload.Offset {
			t.Fatalf("the laptop goes on: %+v; it had found %+v", seen, found)
		}
		for _, copied := range []string{"film.mp4", "film again.mp4"} {
			if got, n := laptop.SHA256(t, copied); got != sum || n != size {
				t.Errorf("%s: WebDAV serves %d bytes with SHA-256 %s; want %d with %s", copied, n, got, size, sum)
			}
			if copied == "film.mp4" {
				if found = laptop.Lookup(t, sum, size, "film again.mp4", "/"); found.Status != "complete" || found.File.Name != "film again.mp4" {
					t.Errorf("once it is there: %+v; want the file", found)
				}
			}
		}
		s.fsck()
	})
}

// lookup is what the server knows of content.
type lookup struct {
	Status string
	Upload struct {
		URL    string
		Offset int64
	}
	File struct{ Name string }
}

// Lookup asks for content before it is uploaded.
func (a *Account) Lookup(t testing.TB, sum string, size int64, name, folder string) (found lookup) {
	t.Helper()
	wanted, err := json.Marshal(map[string]any{"sha256": sum, "size": size, "name": name, "folder": folder})
	if err != nil {
		t.Fatal(err)
	}
	answer := send(t, a.Bearer, http.MethodPost, a.s.URL+"/api/v1/uploads/lookup", headers(map[string]string{"Content-Type": jsonType}), bytes.NewReader(wanted))
	decode(t, answer, http.StatusOK, &found)
	return found
}
