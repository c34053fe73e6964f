package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// measure runs a row. With -profiles it has a CPU profile of the server written beside it, for go tool pprof; a later round
// replaces an earlier one's.
func (b *bench) measure(ctx context.Context, c *child, r row) (sample, error) {
	if b.profiles == "" || c.profile == "" {
		return measure(ctx, c, r, b.length)
	}
	seconds := max(1, int((warmUp+b.length)/time.Second))
	name := strings.NewReplacer(" ", "-", ",", "", "+", "and").Replace(c.name+" "+r.title()) + ".pprof"
	saved := make(chan error, 1)
	go func() {
		saved <- save(ctx, fmt.Sprintf("%s?seconds=%d", c.profile, seconds), filepath.Join(b.profiles, name))
	}()
	s, err := measure(ctx, c, r, b.length)
	return s, errors.Join(err, <-saved)
}

// save writes what an address answers into a file.
func save(ctx context.Context, url, path string) (err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, answer.Body)
	return err
}
