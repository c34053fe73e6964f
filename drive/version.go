package drive

import (
	"bytes"
	"context"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// supersede keeps what a file held before as a version, counts the new content, and drops the oldest
// versions over the limit. Nothing is kept of empty content, which clients write before the real one,
// nor of the files that desktops scatter.
func (e *edit) supersede(ctx context.Context, old, new Node) error {
	if old.Size == new.Size && bytes.Equal(old.SHA256, new.SHA256) {
		return nil
	}
	if !e.s.keeps(old) {
		e.replaced = append(e.replaced, old.blob)
		return e.take(new.Size - old.Size)
	}
	if err := e.take(new.Size); err != nil {
		return err
	}
	if _, err := e.Exec(ctx, `INSERT INTO versions (id, drive_id, node_id, blob_id, size, media_type, modified_at, revision, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, sqldb.NewID(), e.drive, old.ID, string(old.blob), old.Size, old.MediaType,
		sqldb.Micros(old.Modified), old.Revision, sqldb.Micros(e.now)); err != nil {
		return err
	}
	return e.pruneVersions(ctx, old.ID)
}

// keeps reports whether what a file holds becomes a version when something else takes its place.
func (s *Drives) keeps(old Node) bool { return s.o.Versions >= 0 && old.Size > 0 && !litter(old.Name) }

// noLimit stands for LIMIT ALL on both engines.
const noLimit = 1 << 62

func (e *edit) pruneVersions(ctx context.Context, nodeID string) error {
	var freed int64
	err := e.Each(ctx, `DELETE FROM versions WHERE id IN (
		SELECT id FROM versions WHERE node_id = $1 ORDER BY revision DESC, created_at DESC LIMIT $2 OFFSET $3) RETURNING size, blob_id`,
		[]any{nodeID, noLimit, max(0, e.s.o.Versions)}, func(scan sqldb.Scan) error {
			var size int64
			var id blob.Key
			err := scan(&size, (*string)(&id))
			freed += size
			e.replaced = append(e.replaced, id)
			return err
		})
	if err != nil {
		return err
	}
	return e.take(-freed)
}

// litter reports whether a name is one that Finder and its relatives write beside every file.
func litter(name string) bool {
	return name == ".DS_Store" || strings.HasPrefix(name, "._")
}

// Versions answers what a file held before, newest first. NotFound.
func (s *Drives) Versions(ctx context.Context, driveID string, path Path) ([]Version, error) {
	node, err := s.Stat(ctx, driveID, path)
	if err != nil {
		return nil, fault.Wrap(err, "drive.Versions")
	}
	all, err := sqldb.All(ctx, s.db, `SELECT id, blob_id, size, media_type, modified_at, created_at FROM versions
		WHERE node_id = $1 ORDER BY revision DESC, created_at DESC`, []any{node.ID}, scanVersion)
	return all, fault.Wrap(err, "drive.Versions")
}

func scanVersion(scan sqldb.Scan) (v Version, err error) {
	var modified, replaced int64
	err = scan(&v.ID, (*string)(&v.blob), &v.Size, &v.MediaType, &modified, &replaced)
	v.Modified, v.Replaced = sqldb.Time(modified), sqldb.Time(replaced)
	return v, err
}

// OpenVersion answers one version of a file and its content, which the caller closes. NotFound.
func (s *Drives) OpenVersion(ctx context.Context, driveID string, path Path, versionID string) (Version, blob.Content, error) {
	all, err := s.Versions(ctx, driveID, path)
	if err != nil {
		return Version{}, nil, err
	}
	for _, v := range all {
		if v.ID == versionID {
			content, err := s.openBlob(ctx, v.blob, v.Size)
			return v, content, fault.Wrap(err, "drive.OpenVersion")
		}
	}
	return Version{}, nil, fault.New(fault.NotFound, "drive.OpenVersion", "")
}
