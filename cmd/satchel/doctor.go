package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/doctor"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/turn"
)

// errSick ends the command with 1 after it has said what is wrong.
var errSick = errors.New("something is wrong: see above")

func (p *program) doctorCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether settings, database, store, disk, certificate and the proxy in front are as they should be",
		Long: `Look whether settings, database, store, disk, certificate and the proxy in front are as they should be,
and say of what is wrong which line changes it. The exit code is 1 then.

What is in front of the server is asked at its public address (public_url, or --at), with an account that
is made for it and removed again.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			base := c.PublicURL
			if at != "" {
				if base, err = url.Parse(strings.TrimSuffix(at, "/")); err != nil || base.Host == "" || base.Path != "" || (base.Scheme != "http" && base.Scheme != "https") {
					return usagef("--at %s: want https:// and a host without a path", at)
				}
			}
			return p.examine(cmd.Context(), c, base)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "`URL` at which people reach the server (default public_url)")
	return cmd
}

func (p *program) examine(ctx context.Context, c *config.Config, base *url.URL) error {
	sick := false
	tell := func(findings ...doctor.Finding) {
		for _, f := range findings {
			sick = sick || f.Grade == doctor.Wrong
			fmt.Fprintf(p.stdout, "%-5s  %s: %s\n", f.Grade, f.Topic, terminal(f.Says)) // something else than Satchel may answer
			for _, fix := range f.Fixes {
				fmt.Fprintf(p.stdout, "         %-11s %s\n", fix.Where, fix.Change)
			}
		}
	}
	tell(doctor.Finding{Topic: "settings", Says: "they can be followed"})
	tell(diskFinding(c), certificateFinding(c))
	in, err := openRooms(ctx, c, p.commandLog(c), nil)
	if err != nil {
		tell(doctor.Finding{Grade: doctor.Wrong, Topic: "database and store", Says: explain(err)})
		return errSick
	}
	defer in.close()
	tell(readyFinding("database", in.db.Ready(ctx), string(in.db.Engine())), readyFinding("store", in.blobs.Ready(ctx), "can be written and read"))
	all, err := in.turns.All(ctx)
	if err != nil {
		return err
	}
	tell(backupFinding(all, c.BackupEvery))
	if base == nil {
		tell(doctor.Finding{Grade: doctor.Note, Topic: "proxy", Says: "it is not known where people reach the server: set public_url, or say --at https://…"})
	} else {
		findings, err := lookFrom(ctx, in, base, largest(c))
		tell(findings...)
		if err != nil {
			return err
		}
		tell(mountAdvice(c)...)
	}
	if sick {
		return errSick
	}
	return nil
}

// largest is the largest body that an app may announce.
func largest(c *config.Config) int64 {
	const most = 10 << 30
	if c.MaxFile > 0 {
		return min(c.MaxFile, most)
	}
	return most
}

// lookFrom looks at the way to the server with an account of its own.
func lookFrom(ctx context.Context, in *rooms, base *url.URL, large int64) (findings []doctor.Finding, err error) {
	unlimited := int64(-1)
	account := doctor.Account{Username: "doctor-" + sqldb.NewID()[:16], Password: authn.MakePassword()}
	_, err = in.accounts.Administer(authn.Principal{}, authn.Client{}).CreateUser(ctx,
		authn.NewUser{Registration: authn.Registration{Username: account.Username, Password: account.Password}, Role: authn.RoleUser, Quota: &unlimited})
	if err != nil {
		return nil, err
	}
	defer func() {
		// Also when the command is interrupted.
		if gone := in.accounts.DeleteUser(context.WithoutCancel(ctx), account.Username); gone != nil {
			err = errors.Join(err, fmt.Errorf("the account %s stays: %w", account.Username, gone))
		}
	}()
	way := &doctor.Way{Base: base, Account: account, Large: large, Now: time.Now}
	return way.Look(ctx)
}

func readyFinding(topic string, err error, says string) doctor.Finding {
	if err != nil {
		return doctor.Finding{Grade: doctor.Wrong, Topic: topic, Says: err.Error()}
	}
	return doctor.Finding{Topic: topic, Says: says}
}

// diskFinding tells what room there is where data lives.
func diskFinding(c *config.Config) doctor.Finding {
	const little, nothing = 5 << 30, 500 << 20
	space, err := disk.SpaceOf(c.Data)
	f := doctor.Finding{Topic: "disk", Says: humanize.IBytes(uint64(max(0, space.Free))) + " are free at " + c.Data}
	switch {
	case err != nil:
		f.Grade, f.Says = doctor.Wrong, err.Error()
	case space.Total == 0:
		f.Grade, f.Says = doctor.Note, "nothing is known of "+c.Data
	case space.Free < nothing:
		f.Grade = doctor.Wrong
	case space.Free < little:
		f.Grade = doctor.Note
	}
	return f
}

// backupFinding tells how old the last backup is, where there are to be some.
func backupFinding(all []turn.Job, every time.Duration) doctor.Finding {
	f := doctor.Finding{Topic: "backup", Says: "none is to be made: backup_every = never"}
	if every <= 0 {
		return f
	}
	i := slices.IndexFunc(all, func(j turn.Job) bool { return j.Name == backupJob })
	if i < 0 {
		f.Grade, f.Says = doctor.Note, "none was ever made: run satchel backup each night, or set backup_every = \"never\" if other means do"
		return f
	}
	last := all[i]
	switch {
	case last.Age > 2*every && last.Well.IsZero():
		f.Grade, f.Says = doctor.Wrong, "none has gone well yet: run satchel backup, which says why"
	case last.Age > 2*every:
		f.Grade, f.Says = doctor.Wrong, "the last one is of "+last.Well.UTC().Format(time.RFC3339)+", and backup_every is "+every.String()
	case last.Failures > 0:
		f.Grade, f.Says = doctor.Note, fmt.Sprintf("%d have failed since one went well", last.Failures)
	case last.Lacking > 0:
		f.Grade, f.Says = doctor.Wrong, fmt.Sprintf("the last one lacks %d contents that were damaged or gone: satchel scrub --known names the files", last.Lacking)
	default:
		f.Says = "the last one is of " + last.Well.UTC().Format(time.RFC3339)
	}
	return f
}

// certificateFinding looks at the files of the server's own certificate.
func certificateFinding(c *config.Config) doctor.Finding {
	f := doctor.Finding{Topic: "tls_cert, tls_key", Says: "no certificate in files"}
	if c.TLSCert == "" {
		return f
	}
	files, err := certificate.OpenFiles(c.TLSCert, c.TLSKey, slog.New(slog.DiscardHandler))
	if err != nil {
		return doctor.Finding{Grade: doctor.Wrong, Topic: f.Topic, Says: err.Error()}
	}
	served := files.Served()[0]
	f.Says = fmt.Sprintf("%s, until %s", served.Name, served.Until.Format(time.RFC3339))
	if !served.Until.After(time.Now()) {
		f.Grade = doctor.Wrong
	}
	return f
}

// mountAdvice is what no server can set.
func mountAdvice(c *config.Config) []doctor.Finding {
	all := []doctor.Finding{
		{Grade: doctor.Note, Topic: "Explorer", Says: `files above 50 MB: HKLM\SYSTEM\CurrentControlSet\Services\WebClient\Parameters\FileSizeLimitInBytes = 4294967295 (DWORD, 4 GiB is the most), then restart the service WebClient`},
	}
	if c.FinderQuota {
		all = append(all, doctor.Finding{Grade: doctor.Note, Topic: "Finder", Says: "if a macOS of 15.4 or later stalls for a minute when it mounts: finder_quota = false"})
	}
	return all
}
