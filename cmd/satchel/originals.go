package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/satchelhq/satchel/backup"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
)

// originals are the backups of a place, to take content from. Their rows are fetched when they are first asked for.
type originals struct {
	p     *program
	place backup.Place
	names []string // from the newest on, of those that were not asked for yet
	open  []*drive.Drives
	dbs   []*sqldb.DB
	rows  string // a folder of ours
}

// openBackups opens a place of backups, until it is closed.
func (p *program) openBackups(ctx context.Context, c *config.Config, where string) (o *originals, err error) {
	o = &originals{p: p}
	if o.place, err = openPlace(ctx, c, where, true); err != nil {
		return nil, err
	}
	o.names, err = backup.Names(ctx, o.place)
	if err == nil && len(o.names) == 0 {
		err = fmt.Errorf("there is no backup in %s", where)
	}
	if err == nil {
		o.rows, err = os.MkdirTemp("", "satchel-originals-")
	}
	if err != nil {
		return nil, errors.Join(err, o.place.Close())
	}
	slices.Reverse(o.names)
	return o, nil
}

// at is the n-th of the backups that can be read, from the newest on; nil if there are no more.
func (o *originals) at(ctx context.Context, n int) (*drive.Drives, error) {
	for len(o.open) <= n && len(o.names) > 0 {
		name := o.names[0]
		o.names = o.names[1:]
		file := filepath.Join(o.rows, name+".db")
		_, err := backup.FetchRows(ctx, o.place, name, file)
		var db *sqldb.DB
		if err == nil {
			db, err = sqldb.Open(ctx, "sqlite:"+file, sqldb.Options{Relaxed: true, MaxConns: 1})
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(o.p.stderr, "satchel: the backup %s is left out: %v\n", name, err)
			continue
		}
		store, _ := o.place.Content()
		o.dbs = append(o.dbs, db)
		o.open = append(o.open, drive.New(db, store, drive.Options{}))
	}
	if n < len(o.open) {
		return o.open[n], nil
	}
	return nil, nil
}

func (o *originals) close() error {
	var all []error
	for _, db := range o.dbs {
		all = append(all, db.Close())
	}
	return errors.Join(append(all, os.RemoveAll(o.rows), o.place.Close())...)
}
