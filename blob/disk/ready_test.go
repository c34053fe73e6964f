package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestReadyRemembers breaks a store and repairs it; each is noticed when the last answer is too old.
func TestReadyRemembers(t *testing.T) {
	dir := t.TempDir()
	away := filepath.Join(t.TempDir(), "away")
	synctest.Test(t, func(t *testing.T) {
		s := must(Open(dir, Options{}))
		want := func(want error) {
			t.Helper()
			if err := s.Ready(t.Context()); !errors.Is(err, want) {
				t.Fatalf("Ready: %v, want %v", err, want)
			}
		}
		move := func(from, to string) {
			t.Helper()
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		blobs := filepath.Join(dir, "blob")
		want(nil)
		move(blobs, away)
		want(nil)
		time.Sleep(readyFor)
		want(fs.ErrNotExist)
		move(away, blobs)
		want(fs.ErrNotExist)
		time.Sleep(readyFor)
		want(nil)
	})
}

// TestReadyFlood asks from many goroutines at once.
func TestReadyFlood(t *testing.T) {
	s := must(Open(t.TempDir(), Options{}))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("Ready: %v", err)
			}
		})
	}
	group.Wait()
}

// TestSpace asks what is known of the file system.
func TestSpace(t *testing.T) {
	s := must(Open(t.TempDir(), Options{}))
	room, err := s.Space(t.Context())
	if err != nil || room.Free > room.Total || runtime.GOOS == "linux" && room.Total <= 0 {
		t.Errorf("%+v, %v", room, err)
	}
}

// TestReadyOfAHangingDisk has a probe that never ends.
func TestReadyOfAHangingDisk(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := must(Open(dir, Options{}))
		s.readiness.running = make(chan struct{})
		began := time.Now()
		if err := s.Ready(t.Context()); err == nil || time.Since(began) != readyWithin {
			t.Errorf("Ready: %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Ready(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Ready of who has gone: %v", err)
		}
	})
}
