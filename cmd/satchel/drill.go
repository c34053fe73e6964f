package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/backup"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/turn"
)

// drilling is how a drill is done.
type drilling struct {
	name   string // of the backup; empty is the newest
	in     string // folder of the scratch folder; empty is the system's
	server string // postgres:// where a database is made for it; empty: SQLite
	pace   copying
}

func (p *program) drillCommand() *cobra.Command {
	var d drilling
	cmd := &cobra.Command{
		Use:   "drill PLACE",
		Short: "Restore a backup to a scratch place, compare it with its manifest, and remove it again",
		Long: `Restore a backup to a scratch place, compare it with its manifest, and remove it again.

What is served is not touched, and nothing is asked of it but to remember how the drill
went, for metrics and alerts, where the settings name a database that is there. It needs
room for all content, in TMPDIR or --in.

The exit code is 0 if the backup has everything, 8 if it is restored as it was and lacks
content, as its manifest says, and 1 if it cannot be restored as it was.

With --on rows are restored to a database that is made on a Postgres server and dropped
again; the user needs CREATEDB. PGPASSWORD and ~/.pgpass are read.

` + placeHelp,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.pace.check(); err != nil {
				return err
			}
			if _, err := scratchURL(d.server, ""); err != nil {
				return err
			}
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return p.drillOnRecord(cmd.Context(), c, args[0], d)
		},
	}
	d.pace.flags(cmd)
	cmd.Flags().StringVar(&d.name, "backup", "", "the `NAME` of a backup at the place, such as 20260131T120000.000Z (default: the newest)")
	cmd.Flags().StringVar(&d.in, "in", "", "`FOLDER` in which the scratch folder is made (default TMPDIR)")
	cmd.Flags().StringVar(&d.server, "on", "", "`URL` of a database on a Postgres server, such as postgres://satchel@db.example.org/postgres")
	return cmd
}

// drillOnRecord does a drill, and has the installation of the settings remember how it went, if it is there.
func (p *program) drillOnRecord(ctx context.Context, c *config.Config, where string, d drilling) (err error) {
	var lacks error // which the backup did when it was made, so the drill has gone well
	drill := func(ctx context.Context) (n int, err error) {
		n, err = p.drill(ctx, c, where, d)
		if err == nil && n > 0 {
			lacks = wrongf("the backup can be restored as it was made, and that is without %d contents that were damaged or gone", n)
		}
		return n, err
	}
	alone := func() error {
		_, err := drill(ctx)
		return cmp.Or(err, lacks)
	}
	if file, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		if _, err := os.Stat(strings.TrimPrefix(file, "//")); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(p.stderr, "There is no installation at %s to remember this.\n", c.Database)
			return alone()
		}
	}
	db, err := sqldb.Open(ctx, c.Database, sqldb.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	at, latest, err := db.Step(ctx)
	if err != nil {
		return err
	}
	if at != latest {
		fmt.Fprintln(p.stderr, "The installation of the settings is of another Satchel, and does not remember this.")
		return alone()
	}
	err = onRecord(ctx, turn.New(db, nodeName()), drillJob, 0, drill)
	return cmp.Or(err, lacks)
}

func (p *program) drill(ctx context.Context, c *config.Config, where string, d drilling) (lacks int, err error) {
	place, err := openPlace(ctx, c, where, true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	name, err := chosen(ctx, place, where, d.name)
	if err != nil {
		return 0, err
	}
	manifest, err := backup.ReadManifest(ctx, place, name)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	scratch, remove, err := d.scratch(ctx, c, manifest)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	fmt.Fprintf(p.stdout, "%s is restored to %s.\n", name, scratch.Data)
	r := &restoring{p: p, pace: d.pace, name: name, asMade: true}
	err = r.fill(ctx, scratch, place, func(ctx context.Context, db *sqldb.DB, drives *drive.Drives, done restored) error {
		if err := compare(done); err != nil {
			return err
		}
		m, lost := done.manifest, done.lost()
		m.Lacks, m.Lacking = len(lost), slices.DeleteFunc(slices.Clone(m.Lacking), func(l backup.Lack) bool { return !lost[l.Key] })
		if err := p.nameLacking(ctx, drives, authn.New(db, authn.Options{}), m); err != nil {
			return err
		}
		lacks = len(lost)
		return p.tellDrill(done, time.Since(began))
	})
	if err != nil {
		return 0, fmt.Errorf("the backup %s is not restored as it was: %w", name, err)
	}
	return lacks, nil
}

// tellDrill says what was found to be as it was.
func (p *program) tellDrill(done restored, took time.Duration) error {
	var rows int64
	for _, t := range done.tables {
		rows += t.Rows
	}
	m := done.manifest
	for _, problem := range done.problems {
		fmt.Fprintf(p.stdout, "When it was backed up: %s\n", problem)
	}
	_, err := fmt.Fprintf(p.stdout, "%d tables with %s rows are what they were, and so are %s contents, %s, by their SHA-256. It took %s.\n", len(done.tables), humanize.Comma(rows),
		humanize.Comma(int64(m.Blobs)), humanize.IBytes(uint64(m.BlobBytes)), took.Round(time.Second/10))
	return err
}

// compare holds what was restored against the manifest. That each table and content is the backup's was seen when it was written.
func compare(done restored) error {
	m := done.manifest
	var wrong []error
	is := map[string]string{}
	for _, t := range done.tables {
		is[t.Table] = fmt.Sprintf("%d rows with SHA-256 %s", t.Rows, hex.EncodeToString(t.Digest[:]))
	}
	for _, t := range m.Tables {
		if want := fmt.Sprintf("%d rows with SHA-256 %s", t.Rows, t.SHA256); is[t.Name] != want && !done.moved {
			wrong = append(wrong, fmt.Errorf("table %s has %s, want %s", t.Name, is[t.Name], want))
		}
	}
	n, bytes := done.copied.Blobs+done.copied.Kept, done.copied.Holds
	lost := done.lost()
	for _, l := range m.Lacking {
		if !lost[l.Key] { // a later backup has brought it
			n--
			bytes -= l.Size
		}
	}
	if whole := len(m.Lacking) == m.Lacks; whole && (n != m.Blobs || bytes != m.BlobBytes) || n < m.Blobs {
		wrong = append(wrong, fmt.Errorf("%d contents with %d bytes, want %d with %d", n, bytes, m.Blobs, m.BlobBytes))
	}
	return errors.Join(wrong...)
}
