package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
)

// lack looks once more at what was not copied, and has the manifest name what is damaged or gone and in no earlier backup. One rotten file must not keep all others from being
// backed up. errGone if something of it is right after all, or nothing holds it any more: rows of another moment do without it.
func (made *Made) lack(ctx context.Context, p Place, o Making, drives *drive.Drives) error {
	ids := slices.Concat(made.Copied.Missing, made.Copied.Damaged)
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	found, err := drive.New(o.DB, o.Blobs, drive.Options{Log: o.Log, ScrubPause: o.Pause}).Confirm(ctx, ids)
	if err != nil {
		return err
	}
	var lacking []Lack
	for _, c := range found {
		if c.Found == "" {
			return fmt.Errorf("%w: %s", errGone, c.Blob)
		}
		lacking = append(lacking, Lack{Key: c.Blob, SHA256: hex.EncodeToString(c.SHA256), Size: c.Size, Found: c.Found})
	}
	if lacking, err = made.regain(ctx, p, drives, lacking); err != nil {
		return err
	}
	m := &made.Manifest
	m.Lacks, m.Lacking = len(lacking), lacking[:min(len(lacking), maxLacking)]
	return nil
}

// regain looks for the contents in earlier backups, where they may have another key, and answers those that none has. What is found becomes this backup's, so that it stays when
// the earlier ones go.
func (made *Made) regain(ctx context.Context, p Place, drives *drive.Drives, lacking []Lack) ([]Lack, error) {
	names, err := Names(ctx, p)
	if err != nil || len(names) == 0 {
		return lacking, err
	}
	last, err := ReadManifest(ctx, p, names[len(names)-1])
	if err != nil && passing(ctx, err) {
		return nil, err
	}
	var sought, left []Lack // the last backup has looked for what it names, and none since has brought it
	for _, l := range lacking {
		if slices.ContainsFunc(last.Lacking, func(known Lack) bool { return known.Key == l.Key }) {
			left = append(left, l)
		} else {
			sought = append(sought, l)
		}
	}
	for _, name := range slices.Backward(names) {
		if len(sought) == 0 {
			break
		}
		if sought, err = made.regainFrom(ctx, p, name, drives, sought); err != nil {
			return nil, err
		}
	}
	return append(left, sought...), nil
}

// regainFrom looks for the contents in one backup, and answers those that it has not. One whose rows cannot be read has none.
func (made *Made) regainFrom(ctx context.Context, p Place, name string, drives *drive.Drives, sought []Lack) (left []Lack, err error) {
	file := filepath.Join(p.Workshop(), "earlier.db")
	defer func() { err = errors.Join(err, removeDatabase(file)) }()
	var db *sqldb.DB
	if _, err = FetchRows(ctx, p, name, file); err == nil {
		db, err = sqldb.Open(ctx, "sqlite:"+file, sqldb.Options{Relaxed: true, MaxConns: 1})
	}
	if err != nil {
		if passing(ctx, err) {
			return nil, err
		}
		return sought, nil
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	store, _ := p.Content()
	earlier := drive.New(db, store, drive.Options{})
	for _, l := range sought {
		found, err := drives.Regain(ctx, l.Key, earlier)
		if err != nil {
			return nil, err
		}
		if !found {
			left = append(left, l)
			continue
		}
		made.Regained++
		made.Manifest.Blobs++
		made.Manifest.BlobBytes += l.Size
	}
	return left, nil
}

// passing reports whether an error may be another one, or none, a moment later.
func passing(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, blob.ErrAway) || errors.Is(err, blob.ErrFull) || errors.Is(err, syscall.ENOSPC)
}
