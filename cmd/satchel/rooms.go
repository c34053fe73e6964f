package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/server"
	"github.com/satchelhq/satchel/sqldb"
)

// rooms are the parts that hold data, opened and wired to each other.
type rooms struct {
	db       *sqldb.DB
	blobs    blob.Store
	accounts *authn.Accounts
	drives   *drive.Drives
}

// openRooms opens what the settings name and brings the schema up to date. The server, and nothing else, gives metrics and
// has the data to itself.
func openRooms(ctx context.Context, c *config.Config, log *slog.Logger, metrics *server.Metrics) (_ *rooms, err error) {
	options := sqldb.Options{Relaxed: c.Relaxed(), MaxConns: c.DatabaseConnections}
	observeSignIn := func(string) {}
	if metrics != nil {
		options.Exclusive, options.Observe = true, metrics.ObserveDB
		observeSignIn = metrics.ObserveSignIn
	}
	db, err := sqldb.Open(ctx, c.Database, options)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	ran, err := db.Migrate(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range ran {
		log.Info("schema step", "step", step)
	}
	blobs, err := disk.Open(c.BlobFolder(), disk.Options{Relaxed: c.Relaxed()})
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	admission, err := rules(c)
	if err != nil {
		return nil, err
	}
	drives := drive.New(db, blobs, driveOptions(c, admission, log))
	mail, texts, err := senders(c, log)
	if err != nil {
		return nil, err
	}
	accounts := authn.New(db, authn.Options{
		Issuer: issuer(c), Registration: c.Registration, KeyRotation: c.KeyRotation, Log: log,
		Verify: c.Verify, Site: site(c), Mail: mail, Texts: texts, CodesPerHour: c.CodesPerHour,
		CreateDrive: drives.Create, SetQuota: drives.SetQuota, RemoveDrive: drives.Remove, Observe: observeSignIn,
		AuditExpiry: c.AuditExpiry,
	})
	return &rooms{db, blobs, accounts, drives}, nil
}

func (r *rooms) close() error { return r.db.Close() }

// driveOptions says the settings as package drive wants them, where zero is the default and negative is none.
func driveOptions(c *config.Config, admission *hooks.Rules, log *slog.Logger) drive.Options {
	versions := c.Versions
	if versions == 0 {
		versions = -1
	}
	return drive.Options{
		Quota: c.Quota, MaxFile: c.MaxFile, TrashExpiry: c.TrashExpiry, Versions: versions, Proof: c.Proof, Log: log,
		ChangesExpiry: c.ChangesExpiry, MaxChanges: c.MaxChanges,
		UploadExpiry: c.UploadExpiry, UploadMaxAge: c.UploadMaxAge, MaxOpenUploads: c.MaxOpenUploads,
		Admit: admission.Admit, Changed: hooks.Feed{hooks.LogSink{Log: log}}.Tell,
	}
}

// issuer is who signs the access tokens: the public address, where there is one, as verifiers of JWTs expect it.
func issuer(c *config.Config) string {
	if c.PublicURL == nil {
		return ""
	}
	return c.PublicURL.String()
}

// withRooms runs do with the rooms of a command's settings, which may be in use by a server too.
func (p *program) withRooms(cmd *cobra.Command, do func(ctx context.Context, in *rooms) error) (err error) {
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	in, err := openRooms(cmd.Context(), c, p.commandLog(c), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	return do(cmd.Context(), in)
}
