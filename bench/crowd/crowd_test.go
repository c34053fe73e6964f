package crowd_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/satchelhq/satchel/bench/crowd"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What Fill writes passes the check of the rules, before and after they have worked with it.
func TestCrowd(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	db, err := sqldb.Open(t.Context(), location, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	size := crowd.Size{Users: 60, Files: 4000, Large: 1500, Folder: 300, Now: time.Now()}
	if err := crowd.Fill(t.Context(), location, size); err != nil {
		t.Fatal(err)
	}
	drives := drive.New(db, mem.New(), drive.Options{})
	c := &crowded{t, t.Context(), db, drives}
	c.counts(size)
	c.check("as it was filled")
	for _, name := range []string{crowd.LargeUser, crowd.SmallUser} {
		c.work(c.user(name))
		c.check("after work in " + name)
	}
	c.nothingIsDue()
	if err := drives.Remove(t.Context(), c.user(crowd.SmallUser)); err != nil {
		t.Error(err)
	}
	c.check("after a drive was removed")
}

type crowded struct {
	*testing.T
	ctx    context.Context
	db     *sqldb.DB
	drives *drive.Drives
}

func (c *crowded) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *crowded) number(query string) (n int) {
	c.Helper()
	c.must(c.db.Row(c.ctx, query, nil, &n))
	return n
}

func (c *crowded) user(name string) (id string) {
	c.Helper()
	c.must(c.db.Row(c.ctx, `SELECT id FROM users WHERE username = $1`, []any{name}, &id))
	return id
}

func (c *crowded) counts(size crowd.Size) {
	c.Helper()
	for query, want := range map[string]int{
		`SELECT COUNT(*) FROM users`:                                                         size.Users,
		`SELECT COUNT(*) FROM nodes WHERE NOT folder`:                                        size.Files,
		`SELECT children FROM nodes WHERE folder AND name = '` + crowd.LargeFolder[1:] + `'`: size.Folder - (size.Folder-5+32)/33,
		`SELECT CASE WHEN COUNT(*) >= ` + fmt.Sprint(size.Large) + ` THEN 1 ELSE 0 END FROM nodes WHERE drive_id = (SELECT id FROM users WHERE username = '` + crowd.LargeUser + `')`: 1,
	} {
		if n := c.number(query); n != want {
			c.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

func (c *crowded) check(when string) {
	c.Helper()
	problems, err := c.drives.Check(c.ctx)
	c.must(err)
	for i, p := range problems {
		if i == 10 {
			c.Errorf("%s: and %d more", when, len(problems)-i)
			break
		}
		c.Errorf("%s: %s", when, p)
	}
}

// work uses what is in a drive as people do.
func (c *crowded) work(id string) {
	c.Helper()
	var kept []drive.Node
	c.must(c.drives.Walk(c.ctx, id, drive.Root, 100_000, func(n drive.Node) error {
		if !n.Folder {
			kept = append(kept, n)
		}
		return nil
	}))
	for _, n := range kept[:20] {
		_, content, err := c.drives.Open(c.ctx, id, n.Path)
		c.must(err)
		bytes, err := io.ReadAll(content)
		content.Close()
		if sum := sha256.Sum256(bytes); err != nil || string(sum[:]) != string(n.SHA256) || int64(len(bytes)) != n.Size {
			c.Errorf("%s: %v, and %d bytes that are not those of its row", n.Path, err, len(bytes))
		}
	}
	var older []drive.Version
	for _, n := range kept {
		if n.Revision > 1 && len(older) == 0 {
			versions, err := c.drives.Versions(c.ctx, id, n.Path)
			c.must(err)
			older = versions
		}
	}
	_, err := c.drives.RestoreVersion(c.ctx, id, older[0].ID, drive.Guard{})
	c.must(err)
	removed, _, err := c.drives.TrashList(c.ctx, id, "", 10)
	c.must(err)
	_, err = c.drives.Restore(c.ctx, id, removed[0].Node.ID)
	c.must(err)
	c.must(c.drives.Trash(c.ctx, id, kept[1].Path, drive.Guard{}))
	_, _, err = c.drives.Move(c.ctx, id, kept[2].Path, "/moved", false, drive.Guard{})
	c.must(err)
	reach, err := c.drives.Reach(c.ctx, id)
	c.must(err)
	past, err := c.drives.PreviewRewind(c.ctx, id, drive.Root, drive.Instant{Time: reach.Add(time.Since(reach) / 2)})
	c.must(err)
	if past.Removed.Count == 0 || len(past.Removed.Some) == 0 {
		c.Errorf("rewinding to the middle removes nothing: %+v", past)
	}
	uploads, err := c.drives.OpenUploads(c.ctx, id, 10)
	c.must(err)
	for _, u := range uploads {
		c.must(c.drives.DropUpload(c.ctx, id, u.ID))
	}
	shares, err := c.drives.Shares(c.ctx, id)
	c.must(err)
	for _, s := range shares {
		if _, _, _, err := c.drives.OpenShare(c.ctx, s.Token); err != nil && !fault.Is(err, fault.NotFound) {
			c.Error(err)
		}
	}
	c.must(c.drives.Purge(c.ctx, id, ""))
}

// nothingIsDue says that a sweep leaves all of it alone.
func (c *crowded) nothingIsDue() {
	c.Helper()
	const rows = `SELECT (SELECT COUNT(*) FROM uploads) + (SELECT COUNT(*) FROM trash) + (SELECT COUNT(*) FROM changes) + (SELECT COUNT(*) FROM shares) + (SELECT COUNT(*) FROM locks)`
	before := c.number(rows)
	c.must(c.drives.Sweep(c.ctx))
	if after := c.number(rows); after != before {
		c.Errorf("a sweep leaves %d rows of %d", after, before)
	}
}
