package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/both"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
	"github.com/satchelhq/satchel/turn"
)

// rooms are the parts that hold data, opened and wired to each other.
type rooms struct {
	db       *sqldb.DB
	blobs    blob.Store
	accounts *authn.Accounts
	drives   *drive.Drives
	previews *preview.Previews
	events   *hooks.Events
	turns    *turn.Turns
	admits   *admitting
	began    *config.Config // that the rooms were opened by: in force but for what is live
}

// openRooms opens what the settings name and brings the schema up to date. The server, and nothing else, gives metrics and
// has the data to itself.
func openRooms(ctx context.Context, c *config.Config, log *slog.Logger, metrics *watching) (_ *rooms, err error) {
	dbOptions := sqldb.Options{Relaxed: c.Relaxed(), MaxConns: c.DatabaseConnections}
	observeSignIn, observeThumbnails, observeAdmission := func(string) {}, func(string, time.Duration) {}, func(string, time.Duration) {}
	if metrics != nil {
		dbOptions.Exclusive, dbOptions.Observe = true, metrics.ObserveDB
		observeSignIn, observeThumbnails, observeAdmission = metrics.ObserveSignIn, metrics.ObserveThumbnails, metrics.ObserveAdmission
	}
	db, err := sqldb.Open(ctx, c.Database, dbOptions)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if err := rowcopy.Whole(ctx, db); err != nil {
		return nil, err
	}
	ran, err := db.Migrate(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range ran {
		log.Info("schema step", "step", step)
	}
	blobs, elsewhere, err := openBlobs(ctx, c, db, metrics)
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	admits := &admitting{}
	if err := admits.take(c); err != nil {
		return nil, err
	}
	providers, err := providers(c, log)
	if err != nil {
		return nil, err
	}
	images, turns := preview.NewQueue(), turn.New(db, nodeName())
	var accounts *authn.Accounts
	names := func(ctx context.Context, ids []string) (map[string]string, error) {
		return accounts.Usernames(ctx, ids)
	}
	events, err := hooks.NewEvents(db, hooks.EventOptions{Address: c.EventsWebhook, Secret: c.EventsWebhookSecret, Expiry: c.EventsExpiry, Max: c.MaxEvents, Turns: turns, Log: log, Names: names})
	if err != nil {
		return nil, fmt.Errorf("events_webhook, events_webhook_secret: %w", err)
	}
	asks, err := hooks.NewAdmission(hooks.AdmissionOptions{Address: c.AdmitWebhook, Secret: c.AdmitWebhookSecret, Timeout: c.AdmitTimeout, Headers: c.AdmitHeaders, Log: log,
		Names: names, Observe: observeAdmission})
	if err != nil {
		return nil, fmt.Errorf("admit_webhook, admit_webhook_secret, admit_headers: %w", err)
	}
	options := driveOptions(c, admits, hooks.Feed{hooks.LogSink{Log: log}, images}, log)
	if asks != nil {
		options.Ask = asks.Ask
	}
	options.Elsewhere = elsewhere
	drives := drive.New(db, blobs, options)
	mail, texts, err := senders(c, log)
	if err != nil {
		return nil, err
	}
	accounts = authn.New(db, authn.Options{
		Issuer: issuer(c), Registration: c.Registration, KeyRotation: c.KeyRotation, Log: log,
		Verify: c.Verify, Site: site(c), Mail: mail, Texts: texts, CodesPerHour: c.CodesPerHour,
		CreateDrive: drives.Create, SetQuota: drives.SetQuota, RemoveDrive: drives.Remove, Observe: observeSignIn,
		AuditExpiry: c.AuditExpiry,
		Providers:   providers, OIDCRegistration: strings.TrimPrefix(c.OIDCRegistration, config.OIDCFollow),
	})
	previews := preview.New(db, drives, images, preview.Options{
		Workers: c.Thumbnails, Memory: c.ThumbnailMemory, Command: workshopCommand(), Log: log, Observe: observeThumbnails,
	})
	return &rooms{db, blobs, accounts, drives, previews, events, turns, admits, c}, nil
}

// openBlobs opens the store that the settings name, or the two while content moves from one to the other, and answers where else blobs are read
// (drive.Options.Elsewhere): nowhere meanwhile. metrics may be nil.
func openBlobs(ctx context.Context, c *config.Config, db *sqldb.DB, metrics *watching) (blobs blob.Store, elsewhere addresses, err error) {
	accept := itsOwn
	if c.BlobsFrom != "" {
		accept = anyEmpty
		if err := acceptPair(ctx, c, db); err != nil {
			return nil, nil, err
		}
	}
	blobs, err = openStore(ctx, c, c.Blobs, db, metrics, accept)
	if bucket, ok := blobs.(*s3.Store); ok && c.BlobsFrom == "" {
		elsewhere = bucket.Address
	}
	if err == nil && c.BlobsFrom != "" {
		var from blob.Store
		if from, err = openStore(ctx, c, c.BlobsFrom, db, metrics, accept); err == nil {
			blobs = both.New(blobs, from)
		}
	}
	if err != nil || metrics == nil {
		return blobs, elsewhere, err
	}
	return blob.Observed(blobs, metrics.ObserveBlob), elsewhere, nil
}

// addresses is drive.Options.Elsewhere.
type addresses = func(ctx context.Context, key blob.Key, contentType, disposition string) (string, error)

// openStore opens the store at a value of blobs or blobs_from. metrics may be nil; accept is for a folder.
func openStore(ctx context.Context, c *config.Config, where string, db *sqldb.DB, metrics *watching, accept acceptance) (blob.Store, error) {
	bucket, remote := config.BlobBucket(where)
	if !remote {
		return openFolder(ctx, c, config.BlobFolder(where), db, accept)
	}
	o := s3.Options{
		Bucket: bucket.Name, Prefix: bucket.Prefix, Endpoint: bucket.Endpoint, Region: bucket.Region, PathStyle: bucket.PathStyle,
		AccessKey: c.S3AccessKey, SecretKey: c.S3SecretKey,
	}
	if metrics != nil {
		o.Observe = metrics.S3Observer(s3.Calls(), s3.Results())
	}
	if c.S3Redirect != nil {
		o.Public = c.S3Redirect.String()
	}
	store, err := s3.Open(ctx, ledger.New(db), o)
	if err == nil {
		err = acceptsBucket(ctx, where, store, db, accept)
	}
	return store, err
}

// nodeName is what administrators know this process by.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

func (r *rooms) close() error { return r.db.Close() }

// driveOptions says the settings as package drive wants them, where zero is the default and negative is none.
func driveOptions(c *config.Config, admits *admitting, feed hooks.Feed, log *slog.Logger) drive.Options {
	versions := c.Versions
	if versions == 0 {
		versions = -1
	}
	return drive.Options{
		Quota: c.Quota, MaxFile: c.MaxFile, TrashExpiry: c.TrashExpiry, Versions: versions, Proof: c.Proof, Log: log,
		ScrubEvery: c.ScrubEvery, ScrubRate: c.ScrubRate,
		ChangesExpiry: c.ChangesExpiry, MaxChanges: c.MaxChanges,
		UploadExpiry: c.UploadExpiry, UploadMaxAge: c.UploadMaxAge, MaxOpenUploads: c.MaxOpenUploads,
		Admit: admits.Admit, Changed: feed.Tell, Events: c.EventsWebhook != "",
	}
}

// issuer is who signs the access tokens: the public address, where there is one, as verifiers of JWTs expect it.
func issuer(c *config.Config) string {
	if c.PublicURL == nil {
		return ""
	}
	return c.PublicURL.String()
}

// providerID names the provider of the settings in addresses: the one at which its answers arrive is registered with it, so it must not change.
const providerID = "sso"

// providers is where people may sign in besides.
func providers(c *config.Config, log *slog.Logger) ([]*openid.Provider, error) {
	if c.OIDCIssuer == "" {
		if c.OIDCClientID != "" || c.OIDCClientSecret != "" {
			return nil, errors.New("oidc_issuer: there is a client of an OpenID Connect provider, but it is not said which provider")
		}
		return nil, nil
	}
	p, err := openid.New(openid.Options{ID: providerID, Name: c.OIDCName, Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID,
		ClientSecret: c.OIDCClientSecret, Scopes: c.OIDCScopes, Log: log})
	if err != nil {
		return nil, fmt.Errorf("oidc_issuer and oidc_client_id: %w", err)
	}
	return []*openid.Provider{p}, nil
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
