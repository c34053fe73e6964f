package backup

import (
	"bufio"
	"context"
	"errors"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// halfAge is how old what was left of a call to S3 that was cut short is when it goes.
const halfAge = 24 * time.Hour

// Forget removes all backups but the newest keep ones, what is left of backups that were not ended, and the content that none names any more. It answers
// the names of those that it removed. The place has a backup that is whole.
func Forget(ctx context.Context, p Place, keep int) (removed []string, err error) {
	files, err := p.Files(ctx)
	if err != nil {
		return nil, err
	}
	names, err := Names(ctx, p)
	if err != nil {
		return nil, err
	}
	kept := names[max(0, len(names)-keep):]
	if len(kept) == 0 {
		return nil, errors.New("backup: forget: there would be none")
	}
	left := false
	for _, end := range []string{manifestEnd, rowsEnd, contentsEnd} { // without its manifest it is no backup any more
		for _, file := range files {
			name, is := split(file)
			if is != end || slices.Contains(kept, name) {
				continue
			}
			if err := p.Remove(ctx, file); err != nil {
				return removed, err
			}
			left = true
			if end == manifestEnd {
				removed = append(removed, name)
			}
		}
	}
	if !left {
		return nil, nil
	}
	return removed, forgetContent(ctx, p, kept)
}

// forgetContent removes the content that none of the backups kept names. That is looked up by a hash of 8 bytes: of two keys with one, which
// hardly ever are, one stays longer.
func forgetContent(ctx context.Context, p Place, kept []string) error {
	seed := maphash.MakeSeed()
	var named []uint64
	for _, name := range kept {
		err := eachKey(ctx, p, name, func(key string) { named = append(named, maphash.String(seed, key)) })
		if err != nil {
			return err
		}
		slices.Sort(named)
		named = slices.Compact(named)
	}
	store, _ := p.Content()
	err := store.List(ctx, func(e blob.Entry) error {
		if _, found := slices.BinarySearch(named, maphash.String(seed, string(e.Key))); found {
			return nil
		}
		return store.Remove(ctx, e.Key)
	})
	if sweeper, ok := store.(blob.Sweeper); ok && err == nil {
		_, _, err = sweeper.Sweep(ctx, time.Now().Add(-halfAge))
	}
	return err
}

// eachKey calls fn for each content that a backup names.
func eachKey(ctx context.Context, p Place, name string, fn func(key string)) (err error) {
	m, err := ReadManifest(ctx, p, name)
	if err != nil || m.Contents.Size == 0 {
		return err
	}
	path := filepath.Join(p.Workshop(), name+contentsEnd)
	if err := m.Contents.fetch(ctx, p, name+contentsEnd, path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() // it was only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fn(lines.Text())
	}
	return lines.Err()
}
