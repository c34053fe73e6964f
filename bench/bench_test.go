package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
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
	results := []result{
		{row{name: "fast", conns: 1, goal: 2}, map[string]figures{relaxed: {rate: 30}, strict: {rate: 15}, tusd: {rate: 10}}},
		{row{name: "slow", conns: 16, goal: 2}, map[string]figures{relaxed: {rate: 10}, strict: {rate: 5}, tusd: {rate: 10}}},
		{row{name: "alone", conns: 1}, map[string]figures{relaxed: {rate: 10}}},
	}
	var out bytes.Buffer
	printRatios(&out, results)
	lines := strings.Split(out.String(), "\n")
	for i, want := range [][]string{{"goal"}, {"fast, 1 connection", "3.00×", "≥ 2.0", "reached", "1.50×"}, {"slow, 16 connections", "1.00×", "MISSED", "0.50×"}, {"alone", "-"}} {
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
