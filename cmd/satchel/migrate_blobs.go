package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
)

// lookAgain is how often migrate-blobs --wait looks whether what was under way has ended.
const lookAgain = 10 * time.Second

func (p *program) migrateBlobsCommand() *cobra.Command {
	var m blobMove
	cmd := &cobra.Command{
		Use:   "migrate-blobs",
		Short: "Move content from blobs_from to blobs, such as from a disk to S3, while servers run",
		Long: `Move content from the store that blobs_from names to the one that blobs names, such as
from a disk to S3, or back, while servers run.

Each blob is copied, read back, compared with the SHA-256 on record, and only then
removed from the old store. Uploads that were begun in the old store end there first.
What was interrupted goes on when the command is given again. When nothing is left the
setting blobs_from can be removed. The exit code is 0 then, and 1 before.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			if c.BlobsFrom == "" {
				return usagef("blobs_from: want the old store there, and the new one in blobs, here and in every server")
			}
			if err := m.check(); err != nil {
				return err
			}
			c.Durability = config.DurabilityStrict // the original goes when the copy is there
			return p.migrateBlobs(cmd.Context(), c, m)
		},
	}
	m.flags(cmd)
	cmd.Flags().BoolVar(&m.wait, "wait", false, "go on until uploads that are under way in the old store have ended")
	cmd.Flags().BoolVar(&m.json, "json", false, "one JSON object a line")
	return cmd
}

// blobMove is what is asked of migrate-blobs.
type blobMove struct {
	copying
	wait bool
	json bool
}

func (p *program) migrateBlobs(ctx context.Context, c *config.Config, m blobMove) (err error) {
	in, err := openRooms(ctx, c, p.commandLog(c), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	to, err := openStore(ctx, c, c.Blobs, in.db, nil, anyEmpty)
	if err != nil {
		return err
	}
	from, err := openStore(ctx, c, c.BlobsFrom, in.db, nil, anyEmpty)
	if err != nil {
		return err
	}
	claim, err := claimDisk(from, to)
	if errors.Is(err, disk.ErrClaimed) {
		return errors.New("another satchel migrate-blobs is at work on this content")
	}
	if err != nil {
		return err
	}
	defer claim.Close() // it holds nothing
	told := teller{p: p, json: m.json, next: time.Now().Add(tellEvery)}
	for {
		moved, err := in.drives.MoveBlobs(ctx, drive.Moving{From: from, To: to, Rate: m.rate, AtOnce: m.atOnce, Tell: told.tell})
		told.add(moved)
		if err != nil {
			return err
		}
		if moved.Blobs > 0 {
			continue // what has come meanwhile
		}
		if moved.Left() == 0 || !m.wait || len(moved.Damaged) > 0 {
			return told.end(moved)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// claimDisk keeps a second migrate-blobs away. One of the stores is a disk's.
func claimDisk(stores ...blob.Store) (io.Closer, error) {
	for _, s := range stores {
		if folder, ok := s.(*disk.Store); ok {
			return folder.Claim()
		}
	}
	return nil, errors.New("blobs, blobs_from: want disk:PATH for one of them")
}

// tellEvery is how often it is told how far the move is.
const tellEvery = 5 * time.Second

// teller adds up what the passes have moved.
type teller struct {
	p      *program
	json   bool
	before drive.Moved // by earlier passes
	pass   drive.Moved
	next   time.Time
}

func (t *teller) tell(now drive.Moved) {
	t.pass = now
	if time.Now().After(t.next) {
		t.next = time.Now().Add(tellEvery)
		t.line("moving", now)
	}
}

func (t *teller) add(pass drive.Moved) {
	t.pass = drive.Moved{}
	t.before.Blobs += pass.Blobs
	t.before.Bytes += pass.Bytes
}

func (t *teller) line(state string, left drive.Moved) {
	blobs, bytes := t.before.Blobs+t.pass.Blobs, t.before.Bytes+t.pass.Bytes
	if t.json {
		_ = json.NewEncoder(t.p.stdout).Encode(map[string]any{"state": state, "blobs": blobs, "bytes": bytes,
			"uploads": left.Uploads, "unnamed": left.Unnamed, "damaged": append([]string{}, left.Damaged...)}) // the move is worth more than its progress
		return
	}
	fmt.Fprintf(t.p.stdout, "%d blobs moved, %s\n", blobs, humanize.IBytes(uint64(bytes)))
}

// end tells what was moved and what is left.
func (t *teller) end(left drive.Moved) error {
	state := "done"
	if left.Left() > 0 {
		state = "left"
	}
	t.line(state, left)
	if state == "done" {
		if !t.json {
			fmt.Fprintln(t.p.stdout, "Nothing is left in the old store. Remove the setting blobs_from from every server.")
		}
		return nil
	}
	if !t.json {
		for _, id := range left.Damaged {
			fmt.Fprintf(t.p.stdout, "blob %s: its bytes are not those that its row says; it is left in the old store\n", id)
		}
		if left.Uploads > 0 {
			fmt.Fprintf(t.p.stdout, "%d uploads are under way in the old store. They end there, or expire.\n", left.Uploads)
		}
		if left.Unnamed > 0 {
			fmt.Fprintf(t.p.stdout, "%d files in the old store belong to nothing. satchel gc removes them when they are an hour old.\n", left.Unnamed)
		}
	}
	return fmt.Errorf("%d blobs and uploads are left in the old store: keep blobs_from, and run this again", left.Left())
}
