package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{7}, 0.99, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2},
		{[]float64{5, 4, 3, 2, 1}, 0.99, 5},
	} {
		if got := quantile(test.values, test.q); got != test.want {
			t.Errorf("quantile %v of %v is %v, want %v", test.q, test.values, got, test.want)
		}
	}
}

func TestRatiosAndGoals(t *testing.T) {
	tus := scene{protocol: protocol{name: "tus"}, others: []peer{{name: tusd}}}
	dav := scene{protocol: protocol{name: "WebDAV"}, others: []peer{{name: nginx}, {name: apache}}}
	results := []result{
		{tus, row{name: "fast", conns: 1, goal: 2, judged: relaxed}, map[string]figures{relaxed: {rate: 30}, strict: {rate: 15}, tusd: {rate: 10}}},
		{tus, row{name: "slow", conns: 16, goal: 2, judged: relaxed}, map[string]figures{relaxed: {rate: 10}, strict: {rate: 5}, tusd: {rate: 10}}},
		{tus, row{name: "alone", conns: 1}, map[string]figures{relaxed: {rate: 10}}},
		{dav, row{name: "fastest", conns: 1, goal: 0.95, judged: strict}, map[string]figures{relaxed: {rate: 20}, strict: {rate: 9}, nginx: {rate: 5}, apache: {rate: 10}}},
		{dav, row{name: "named", conns: 1, goal: 1, judged: strict, against: nginx}, map[string]figures{strict: {rate: 9}, nginx: {rate: 5}, apache: {rate: 10}}},
	}
	var out bytes.Buffer
	printRatios(&out, results)
	lines := strings.Split(out.String(), "\n")
	for i, want := range [][]string{
		{"goal"},
		{"tus: fast, 1 connection", "3.00×", "relaxed ≥ 2", "reached", "1.50×", tusd},
		{"slow, 16 connections", "1.00×", "MISSED", "0.50×"},
		{"alone", "-"},
		{"WebDAV: fastest", "2.00×", "0.90×", "strict ≥ 0.95", "MISSED", apache},
		{"WebDAV: named", "-", "1.80×", "reached", nginx},
	} {
		for _, part := range want {
			if !strings.Contains(lines[i], part) {
				t.Errorf("line %q lacks %q", lines[i], part)
			}
		}
	}
}

// A body arrives as it is meant to, also one that is longer than a block, and the connection stays open for the next.
func TestWire(t *testing.T) {
	block := []byte("0123456789")
	got, connections := []string{}, map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.Method+" "+r.Header.Get("Authorization")+" "+string(body))
		connections[r.RemoteAddr] = true
		if r.Method == http.MethodDelete {
			http.Error(w, "not that", http.StatusForbidden)
			return
		}
		w.Header().Set("Upload-Offset", "25")
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	w, err := dial(strings.TrimPrefix(server.URL, "http://"), "Bearer x")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, size := range []int64{0, 2, 10, 25} {
		body := &content{size: size, stamp: []byte("ab")[:min(2, size)], block: block}
		a, err := w.do(http.MethodPatch, "/x", nil, body, http.StatusNoContent)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.at(25); err != nil {
			t.Error(err)
		}
		if a.at(24) == nil {
			t.Error("a wrong offset is taken")
		}
	}
	if _, err := w.do(http.MethodDelete, "/x", nil, nil, http.StatusNoContent); err == nil || !strings.Contains(err.Error(), "not that") {
		t.Errorf("a refusal answers %v", err)
	}
	want := []string{"PATCH Bearer x ", "PATCH Bearer x ab", "PATCH Bearer x ab23456789", "PATCH Bearer x ab234567890123456789" + "01234", "DELETE Bearer x "}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the server got %q, want %q", got, want)
	}
	if len(connections) != 1 {
		t.Errorf("%d connections were made", len(connections))
	}
}

func TestProcessorTime(t *testing.T) {
	before, err := readUse(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
	}
	after, err := readUse(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after.client < before.client || after.server != after.client || after.busy < before.busy {
		t.Errorf("from %+v to %+v", before, after)
	}
	if share := after.foreignSince(before); share < 0 || share > 1.5 {
		t.Errorf("others had %v of the processors", share)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-length", "1ms"}, {"-patience", "1h"}, {"-only", "("}, {"-satchel", "/nowhere/at/all", "-tusd", ""}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

// Every row of every scene has a goal that it can be held to: a durability of satchel that is measured, and a peer.
func TestScenes(t *testing.T) {
	ours := []peer{{name: relaxed}, {name: strict}}
	others := []peer{{name: nginx}, {name: apache}, {name: rclone}}
	all := tusClient{newContents()}.scenes(ours, []peer{{name: tusd}})
	all = append(all, davClient{newContents()}.scenes(davPeers{both: ours, strict: ours[1:], others: others, synced: others})...)
	labels := map[string]bool{}
	for _, s := range all {
		for _, r := range s.rows {
			if labels[s.label(r)] {
				t.Errorf("there are two of %q", s.label(r))
			}
			labels[s.label(r)] = true
			named := func(name string) bool {
				return slices.ContainsFunc(s.peers(), func(p peer) bool { return p.name == name })
			}
			if r.goal > 0 && (!named(r.judged) || r.against != "" && !named(r.against)) {
				t.Errorf("%q is judged by %q against %q, which it does not measure", s.label(r), r.judged, r.against)
			}
		}
		if kept := s.only(func(string) bool { return false }); len(kept.rows) > 0 {
			t.Errorf("nothing was asked for, and %d rows are there", len(kept.rows))
		}
	}
	if !labels["WebDAV: GET 4 KiB, 16 connections"] || !labels["tus: HEAD, 16 connections"] {
		t.Errorf("the rows are %v", labels)
	}
}

// A WebDAV server as the rows ask it: one that answers as they expect is measured, one that loses a file is not.
func TestDAVRows(t *testing.T) {
	files := map[string]string{}
	var mu sync.Mutex
	lose := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != basicAuth() {
			t.Errorf("%s %s: %q, %v", r.Method, r.URL.Path, r.Header.Get("Authorization"), err)
		}
		switch r.Method {
		case "MKCOL":
			w.WriteHeader(http.StatusCreated)
		case http.MethodPut:
			if r.URL.Path != lose {
				files[r.URL.Path] = string(body)
			}
			w.WriteHeader(http.StatusCreated)
		case http.MethodGet:
			content, ok := files[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			io.WriteString(w, content)
		case "PROPFIND":
			if _, ok := files[r.URL.Path]; !ok {
				http.NotFound(w, r)
				return
			}
			w.WriteHeader(207)
			fmt.Fprintf(w, "<x:href>%s</x:href><x:getcontentlength>%d</x:getcontentlength>", r.URL.Path, len(files[r.URL.Path]))
		}
	}))
	defer server.Close()
	d := davClient{newContents()}
	c := &child{host: strings.TrimPrefix(server.URL, "http://"), auth: basicAuth(), command: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	if err := d.few(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(files) != fewFiles {
		t.Fatalf("%d files", len(files))
	}
	run := func(prepare func(*wire, int) (operation, error)) error {
		_, err := measure(t.Context(), c, row{conns: davConns, once: true, prepare: prepare}, 0)
		return err
	}
	if err := errors.Join(run(d.gets), run(d.propfinds)); err != nil {
		t.Error(err)
	}
	lose = own(3)[0]
	mu.Lock()
	files[lose] = files[lose][:100]
	mu.Unlock()
	if run(d.gets) == nil || run(d.propfinds) == nil {
		t.Error("a file that was cut is not noticed")
	}
}

func TestHtpasswd(t *testing.T) {
	// As htpasswd -s writes it (Apache's documentation, "Password Formats").
	if got, want := htpasswd(), "bench:{SHA}"; !strings.HasPrefix(got, want) || len(got) != len(want)+28+1 {
		t.Errorf("%q", got)
	}
}
