package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/satchelhq/satchel/backup"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/config"
)

// placeHelp is how people name where backups are.
const placeHelp = `PLACE is a folder, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path_style=true. The keys of
a bucket are backup_access_key and backup_secret_key of the settings, or what the environment
has (AWS_ACCESS_KEY_ID and its kin, a credentials file, the role of the machine).`

// inBucket reports whether a place is in S3.
func inBucket(place string) bool { return strings.HasPrefix(place, "s3:") }

// openPlace opens where backups are. A folder that is to be read has to be one of backups.
func openPlace(ctx context.Context, c *config.Config, place string, read bool) (backup.Place, error) {
	if err := placeFits(c, place); err != nil {
		return nil, err
	}
	if !inBucket(place) {
		if read && !backup.HasFolder(place) {
			return nil, fmt.Errorf("there is no backup in %s", place)
		}
		return backup.OpenFolder(place)
	}
	bucket, err := config.ParseBucket(place)
	if err != nil {
		return nil, err
	}
	return backup.OpenBucket(ctx, s3.Options{
		Bucket: bucket.Name, Prefix: bucket.Prefix, Endpoint: bucket.Endpoint, Region: bucket.Region, PathStyle: bucket.PathStyle,
		AccessKey: c.BackupAccessKey, SecretKey: c.BackupSecretKey,
	})
}

// placeFits refuses what is no place for backups of the settings' installation.
func placeFits(c *config.Config, place string) error {
	if !inBucket(place) {
		return isServed(c, backup.FolderContent(place))
	}
	bucket, err := config.ParseBucket(place)
	if err != nil {
		return usagef("the place of backups: want %w", err)
	}
	return apart(c, bucket)
}

// isServed refuses a folder of content that is the one which is served, whatever it is called.
func isServed(c *config.Config, content string) error {
	at, err := os.Stat(content)
	if err != nil {
		return nil // it is not there, or opening it tells
	}
	for _, where := range []string{c.Blobs, c.BlobsFrom} {
		if _, remote := config.BlobBucket(where); remote || where == "" {
			continue
		}
		if served, err := os.Stat(config.BlobFolder(where)); err == nil && os.SameFile(at, served) {
			return usagef("backups would be among the content that is served from %s: want another folder", content)
		}
	}
	return nil
}

// apart refuses a place among content that is served. Two services may call their buckets alike; that is not told apart, since one may be known by two addresses.
func apart(c *config.Config, place config.Bucket) error {
	for _, where := range []string{c.Blobs, c.BlobsFrom} {
		served, ok := config.BlobBucket(where)
		if !ok || served.Name != place.Name {
			continue
		}
		of, in := served.Prefix+"/", place.Prefix+"/"
		if served.Prefix == "" || place.Prefix == "" || strings.HasPrefix(of, in) || strings.HasPrefix(in, of) {
			return usagef("backups in s3://%s would be among the content that is served from there: want another bucket, or a prefix that neither is below the other's", place.Name)
		}
	}
	return nil
}

// claimBackup keeps other backups of the installation from this machine, until it is closed or the process ends. Between machines the turn does, which SQLite has not.
func claimBackup(c *config.Config) (*os.File, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, err
	}
	claim, err := os.OpenFile(filepath.Join(c.Data, ".backup"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(claim.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errBackupRuns
	}
	if err != nil {
		return nil, errors.Join(err, claim.Close())
	}
	return claim, nil
}

// errBackupRuns says that another process makes a backup of the installation.
var errBackupRuns = errors.New("another satchel backup of this installation is at work")
