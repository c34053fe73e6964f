package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/satchelhq/satchel/backup"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/sqldb"
)

const scratchName = "satchel-drill-"

// scratch are settings for a place that remove removes.
func (d drilling) scratch(ctx context.Context, c *config.Config, m backup.Manifest) (_ *config.Config, remove func() error, err error) {
	parent := d.in
	if parent == "" {
		parent = os.TempDir()
	}
	if err := removeDeadScratch(parent); err != nil {
		return nil, nil, err
	}
	folder, err := os.MkdirTemp(parent, scratchName)
	if err != nil {
		return nil, nil, err
	}
	claim, err := claimScratch(folder)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	away := func() error { return errors.Join(os.RemoveAll(folder), claim.Close()) }
	need := m.BlobBytes + 3*m.Rows.Size // as they come, as they are kept, and their log
	if space, err := disk.SpaceOf(folder); err == nil && space.Total > 0 && space.Free < need {
		return nil, nil, errors.Join(fmt.Errorf("a drill needs %s in %s, where %s are free: say --in FOLDER",
			humanize.IBytes(uint64(need)), parent, humanize.IBytes(uint64(max(0, space.Free)))), away())
	}
	s := *c
	s.Data, s.Blobs, s.BlobsFrom, s.Durability = folder, "disk:"+filepath.Join(folder, "blobs"), "", config.DurabilityRelaxed
	s.Database = "sqlite:" + filepath.Join(folder, "satchel.db")
	if d.server == "" {
		return &s, away, nil
	}
	name := "satchel_drill_" + sqldb.NewID()
	if s.Database, err = scratchURL(d.server, name); err == nil {
		err = onServer(ctx, d.server, `CREATE DATABASE `+name)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("a database for the drill: %w", err), away())
	}
	return &s, func() error {
		return errors.Join(onServer(context.WithoutCancel(ctx), d.server, `DROP DATABASE `+name+` WITH (FORCE)`), away())
	}, nil
}

// scratchURL is the URL of another database on a Postgres server.
func scratchURL(server, name string) (string, error) {
	if server == "" {
		return "", nil
	}
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Opaque != "" {
		return "", usagef("--on: want the URL of a database on a Postgres server, such as postgres://satchel@db.example.org/postgres")
	}
	u.Path, u.RawPath = "/"+name, ""
	query := u.Query()
	query.Del("dbname") // it would win over the path
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func onServer(ctx context.Context, server, statement string) (err error) {
	db, err := sqldb.Open(ctx, server, sqldb.Options{MaxConns: 1})
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, statement)
	return errors.Join(err, db.Close())
}

// claimScratch tells other drills that a scratch folder is in use, until it is closed or the process ends.
func claimScratch(folder string) (*os.File, error) {
	claim, err := os.OpenFile(filepath.Join(folder, ".claim"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(claim.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, claim.Close())
	}
	return claim, nil
}

// removeDeadScratch removes the scratch folders of drills that were killed. Anybody may make folders of such names in a place for all.
func removeDeadScratch(parent string) error {
	found, err := filepath.Glob(filepath.Join(parent, scratchName+"*", ".claim"))
	if err != nil {
		return err
	}
	for _, file := range found {
		folder := filepath.Dir(file)
		var is unix.Stat_t
		if err := unix.Lstat(folder, &is); err != nil || is.Mode&unix.S_IFMT != unix.S_IFDIR || int(is.Uid) != os.Geteuid() {
			continue
		}
		claim, err := claimScratch(folder)
		if err != nil {
			continue // it is in use, or another's
		}
		if err := errors.Join(os.RemoveAll(folder), claim.Close()); err != nil {
			return fmt.Errorf("what a drill that was killed has left: %w", err)
		}
	}
	return nil
}
