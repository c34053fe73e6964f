package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// job is what a client does with one file. Its fields are explained in jobs.mjs.
type job struct {
	Client    string            `json:"client,omitempty"` // "uppy", or tus-js-client
	Endpoint  string            `json:"endpoint"`
	Token     string            `json:"token"`
	File      string            `json:"file"` // a path; for a page the address below its own
	Name      string            `json:"name"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Options   map[string]any    `json:"options,omitempty"` // of the client
	Stream    bool              `json:"stream,omitempty"`  // what is uploaded tells no length
	StopAt    int64             `json:"stopAt,omitempty"`  // bytes sent, at which the upload is aborted; Uppy pauses there
	Terminate bool              `json:"terminate,omitempty"`
	Resume    bool              `json:"resume,omitempty"` // by the address that the client stored
	Reload    bool              `json:"reload,omitempty"` // the page first
	Progress  bool              `json:"progress,omitempty"`
}

// sighting is what was seen of a job.
type sighting struct {
	End        string // "done", "stopped", "failed", "gone"; "" is progress
	Message    string
	Status     int // of the answer with which an abort failed
	URL        string
	Bytes      int64
	Created    int      // uploads, those of parts and joined ones included
	ResumedAt  []int64  // offsets that were asked for
	Foreign    []string // addresses that are not below the endpoint
	Lost       []string // offsets that were less than one answered before
	Complaints []string // of the browser
}

// driver runs jobs, one after the other.
type driver struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	failure *strings.Builder
}

// nodeClients is a process of clients.mjs, which keeps addresses in a file.
func nodeClients(t testing.TB, store string) *driver {
	t.Helper()
	return drive(t, node(t, "clients.mjs", store))
}

// browserClients is Chromium on a page of another origin.
func browserClients(t testing.TB, page *httptest.Server) *driver {
	t.Helper()
	return drive(t, node(t, "browserclients.mjs", chromium(t, "browserclients.mjs"), page.URL))
}

func drive(t testing.TB, command *exec.Cmd) *driver {
	t.Helper()
	d := &driver{command: command, failure: &strings.Builder{}}
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = d.failure
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	d.in, d.out = in, bufio.NewScanner(out)
	d.out.Buffer(nil, 1<<20)
	t.Cleanup(d.Kill)
	return d
}

// Kill ends the client as a battery does.
func (d *driver) Kill() {
	_ = d.command.Process.Kill()
	_ = d.command.Wait() // its error is the kill; a second call does nothing
}

// jobTime bounds a job, so that a client that hangs does not hang the tests.
const jobTime = 3 * time.Minute

// Do runs a job to its end; one whose client is killed has the end "gone". more is called with the bytes that were sent.
func (d *driver) Do(t testing.TB, j job, more ...func(bytes int64)) sighting {
	t.Helper()
	line, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	patience := time.AfterFunc(jobTime, func() { _ = d.command.Process.Kill() })
	defer patience.Stop()
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s: %v\n%s", j.Name, err, d.failure)
	}
	for d.out.Scan() {
		var seen sighting
		if err := json.Unmarshal(d.out.Bytes(), &seen); err != nil {
			t.Fatalf("%v: %s", err, d.out.Text())
		}
		if seen.End == "" {
			for _, fn := range more {
				fn(seen.Bytes)
			}
			continue
		}
		return seen
	}
	return sighting{End: "gone"}
}

// pageOf serves clientpage.mjs, bundled, and the files of a folder below /files/.
func pageOf(t testing.TB, folder string) *httptest.Server {
	t.Helper()
	bundler := filepath.Join("..", "pages", "node_modules", ".bin", "esbuild")
	if _, err := os.Stat(bundler); err != nil {
		t.Fatal("esbuild is missing: npm ci --prefix pages (make test does it)")
	}
	script, err := exec.CommandContext(t.Context(), bundler, "clientpage.mjs", "--bundle", "--format=iife", "--charset=utf8", "--log-level=warning").Output()
	if err != nil {
		t.Fatalf("esbuild: %v", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(folder))))
	mux.HandleFunc("GET /script.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(script) // the browser may be gone
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>An app</title><link rel="icon" href="data:,"><script src="/script.js"></script></html>`)
	})
	page := httptest.NewServer(mux)
	t.Cleanup(page.Close)
	return page
}
