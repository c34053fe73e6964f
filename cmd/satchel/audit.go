package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// auditQuery is what the command was asked for.
type auditQuery struct {
	user, since, until string
	filter             authn.AuditFilter
	lines              int
	json               bool
}

func (p *program) auditCommand() *cobra.Command {
	var q auditQuery
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Print who did what, and from where, newest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.lines < 0 {
				return usagef("--lines %d: want 0 or more", q.lines)
			}
			for _, t := range []struct {
				flag, text string
				to         *time.Time
			}{{"since", q.since, &q.filter.Since}, {"until", q.until, &q.filter.Until}} {
				if err := parseMoment(t.flag, t.text, t.to); err != nil {
					return err
				}
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error { return p.printAudit(ctx, in, q) })
		},
	}
	cmd.Flags().StringVar(&q.user, "user", "", "only what is about this account: its `NAME`, e-mail address, phone number, or id, which is known also when it is gone")
	cmd.Flags().StringVar(&q.filter.Event, "event", "", "only this `EVENT`, such as sign_in_failed")
	cmd.Flags().StringVar(&q.since, "since", "", "from this `TIME` on: 2026-03-01, or 2026-03-01T12:00:00Z, or 24h ago as 24h")
	cmd.Flags().StringVar(&q.until, "until", "", "up to this `TIME`")
	cmd.Flags().IntVar(&q.lines, "lines", 100, "at most this many; 0 is all")
	cmd.Flags().BoolVar(&q.json, "json", false, "one JSON object a line")
	return cmd
}

// parseMoment reads a day, a time, or how long ago something was.
func parseMoment(flag, text string, to *time.Time) (err error) {
	if text == "" {
		return nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		*to = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if *to, err = time.Parse(layout, text); err == nil {
			return nil
		}
	}
	return usagef("--%s %q: want a time such as 2026-03-01T12:00:00Z, a day such as 2026-03-01, or a duration such as 24h", flag, text)
}

func (p *program) printAudit(ctx context.Context, in *rooms, q auditQuery) error {
	if q.user != "" {
		u, err := in.accounts.UserByLogin(ctx, q.user)
		switch {
		case err == nil:
			q.filter.UserID = u.ID
		case fault.Is(err, fault.NotFound) && sqldb.ValidID(q.user):
			q.filter.UserID = q.user
		default:
			return err
		}
	}
	for left := q.lines; ; {
		if q.filter.Limit = left; left == 0 {
			q.filter.Limit = authn.MaxAuditLines
		}
		lines, next, err := in.accounts.AuditLog(ctx, q.filter)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := p.printAuditLine(l, q.json); err != nil {
				return err
			}
		}
		if left > 0 {
			if left -= len(lines); left <= 0 {
				return nil
			}
		}
		if q.filter.After = next; next == "" {
			return nil
		}
	}
}

func (p *program) printAuditLine(l authn.AuditLine, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(jsonForTerminal{p.stdout}).Encode(map[string]any{
			"id": l.ID, "at": l.At.UTC(), "event": l.Event, "user_id": l.UserID, "username": l.Username, "actor_id": l.ActorID, "actor": l.ActorName,
			"address": l.Address, "user_agent": l.UserAgent, "detail": l.Detail, "times": l.Times,
		})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", l.At.UTC().Format(time.RFC3339), l.Event)
	if l.UserID != "" {
		fmt.Fprintf(&b, "  of %s", cmp.Or(l.Username, l.UserID))
	}
	if l.ActorID != "" && l.ActorID != l.UserID {
		fmt.Fprintf(&b, "  by %s", cmp.Or(l.ActorName, l.ActorID))
	}
	for _, part := range [...]struct{ word, value string }{{"from", l.Address}, {"with", l.UserAgent}, {"-", l.Detail}} {
		if part.value != "" {
			fmt.Fprintf(&b, "  %s %s", part.word, part.value)
		}
	}
	if l.Times > 1 {
		fmt.Fprintf(&b, "  (%d times)", l.Times)
	}
	_, err := fmt.Fprintln(p.stdout, terminal(b.String()))
	return err
}
