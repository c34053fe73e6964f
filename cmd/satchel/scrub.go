package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
)

// scrubbing is what is asked of scrub.
type scrubbing struct {
	p     *program
	in    *rooms
	rate  string
	known bool
	json  bool
}

func (p *program) scrubCommand() *cobra.Command {
	s := &scrubbing{p: p}
	cmd := &cobra.Command{
		Use:   "scrub",
		Short: "Read all content again, compare it with its SHA-256, and name the files whose content is damaged",
		Long: `Read all content again, compare it with its SHA-256, and name the files whose content
is damaged, as serve does every scrub_every, also while servers run.

The exit code is 0 if all content is right, 8 if some is damaged, and 1 if it could not
be read, because the database or the store does not answer. Nothing is repaired: satchel fsck --repair does that.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rate, err := config.ParseSize(s.rate)
			if err != nil {
				return usagef("--rate %q: want %w", s.rate, err)
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				s.in = in
				return s.run(ctx, rate)
			})
		},
	}
	cmd.Flags().StringVar(&s.rate, "rate", "64MiB", "`SIZE` that is read a second, 0 for no limit")
	cmd.Flags().BoolVar(&s.known, "known", false, "name what is known to be damaged, and read nothing")
	cmd.Flags().BoolVar(&s.json, "json", false, "one JSON object a line")
	return cmd
}

func (s *scrubbing) run(ctx context.Context, rate int64) error {
	var read drive.Scrubbed
	if !s.known {
		var err error
		next := time.Now().Add(tellEvery)
		read, err = s.in.drives.ScrubAll(ctx, drive.Scrubbing{Rate: rate, Tell: func(now drive.Scrubbed) {
			if time.Now().After(next) {
				next = time.Now().Add(tellEvery)
				s.line("reading", now)
			}
		}})
		if err != nil {
			return err
		}
	}
	damaged := 0
	err := s.in.drives.EachDamaged(ctx, func(d drive.Damaged) error {
		damaged++
		return s.name(ctx, d)
	})
	if err != nil {
		return err
	}
	if !s.known {
		s.line("done", read)
	}
	if damaged > 0 {
		return wrongf("%d contents are damaged: satchel fsck --repair mends them from a backup, or an upload of the same bytes does", damaged)
	}
	if !s.json {
		fmt.Fprintln(s.p.stdout, "no damage is known")
	}
	return nil
}

func (s *scrubbing) line(state string, now drive.Scrubbed) {
	if s.json {
		_ = json.NewEncoder(s.p.stdout).Encode(map[string]any{"state": state, "blobs": now.Blobs, "bytes": now.Bytes, "damaged": now.Damaged, "healed": now.Healed})
		return
	}
	fmt.Fprintf(s.p.stdout, "%d blobs read, %s\n", now.Blobs, humanize.IBytes(uint64(now.Bytes)))
}

// holder is a file as scrub and fsck name it.
type holder struct {
	User     string     `json:"user"` // its id, if the account is being removed
	Path     string     `json:"path"`
	Trashed  bool       `json:"trashed,omitempty"`
	Replaced *time.Time `json:"replaced,omitempty"` // of a version
}

// name names the files that hold damaged content.
func (s *scrubbing) name(ctx context.Context, d drive.Damaged) error {
	files, err := nameHolders(ctx, s.in.accounts, d.Holders)
	if err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(s.p.stdout).Encode(map[string]any{"state": "damaged", "blob": d.Blob, "found": d.Found, "since": d.Since, "bytes": d.Size, "files": files})
	}
	for _, f := range files {
		fmt.Fprintf(s.p.stdout, "%s: %s (blob %s, since %s)\n", d.Found, f, d.Blob, d.Since.UTC().Format(time.RFC3339))
	}
	return nil
}

// nameHolders says whose the files are that hold some content.
func nameHolders(ctx context.Context, accounts *authn.Accounts, holders []drive.Holder) ([]holder, error) {
	var ids []string
	for _, h := range holders {
		ids = append(ids, h.DriveID)
	}
	names, err := accounts.Usernames(ctx, ids)
	if err != nil {
		return nil, err
	}
	files := make([]holder, len(holders))
	for i, h := range holders {
		files[i] = holder{User: cmp.Or(names[h.DriveID], h.DriveID), Path: string(h.Path), Trashed: h.Trashed}
		if h.Version {
			files[i].Replaced = &h.Replaced
		}
	}
	return files, nil
}

func (h holder) String() string {
	where := fmt.Sprintf("%q of %s", h.Path, h.User)
	if h.Trashed {
		where += ", in the trash"
	}
	if h.Replaced != nil {
		where += ", a version that was replaced " + h.Replaced.UTC().Format(time.RFC3339)
	}
	return where
}
