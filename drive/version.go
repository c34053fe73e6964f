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
func (s *Drives) keeps(old Node) bool {
	return s.limits().Versions >= 0 && old.Size > 0 && !litter(old.Name)
}

// noLimit stands for LIMIT ALL on both engines.
const noLimit = 1 << 62

func (e *edit) pruneVersions(ctx context.Context, nodeID string) error {
	var freed int64
	err := e.Each(ctx, `DELETE FROM versions WHERE id IN (
		SELECT id FROM versions WHERE node_id = $1 ORDER BY revision DESC, created_at DESC LIMIT $2 OFFSET $3) RETURNING size, blob_id`,
		[]any{nodeID, noLimit, max(0, e.s.limits().Versions)}, func(scan sqldb.Scan) error {
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

// versionColumns are what scanVersion reads, of versions v and blobs b.
const versionColumns = `v.id, v.node_id, v.blob_id, v.size, v.media_type, v.modified_at, v.created_at, b.sha256`

// Versions answers what a file held before, newest first. NotFound.
func (s *Drives) Versions(ctx context.Context, driveID string, path Path) ([]Version, error) {
	node, err := s.Stat(ctx, driveID, path)
	if err != nil {
		return nil, fault.Wrap(err, "drive.Versions")
	}
	all, err := sqldb.All(ctx, s.db, `SELECT `+versionColumns+` FROM versions v JOIN blobs b ON b.id = v.blob_id
		WHERE v.node_id = $1 ORDER BY v.revision DESC, v.created_at DESC`, []any{node.ID}, scanVersion)
	return all, fault.Wrap(err, "drive.Versions")
}

func scanVersion(scan sqldb.Scan) (v Version, err error) {
	var modified, replaced int64
	err = scan(&v.ID, &v.nodeID, (*string)(&v.blob), &v.Size, &v.MediaType, &modified, &replaced, &v.SHA256)
	v.Modified, v.Replaced = sqldb.Time(modified), sqldb.Time(replaced)
	return v, err
}

// version finds a version by its id, and the file that it is of. NotFound for another drive's, and for those of a file in the trash.
func version(ctx context.Context, q sqldb.Querier, driveID, versionID string) (v Version, at *place, err error) {
	if !sqldb.ValidID(versionID) {
		return v, nil, fault.New(fault.NotFound, "drive.version", "")
	}
	v, err = scanVersion(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+versionColumns+` FROM versions v JOIN blobs b ON b.id = v.blob_id WHERE v.id = $1 AND v.drive_id = $2`,
			[]any{versionID, driveID}, dest...)
	})
	if err == nil {
		at, err = locate(ctx, q, driveID, v.nodeID)
	}
	return v, at, err
}

// OpenVersion answers a version, the file that held it and its content, which the caller closes. NotFound.
func (s *Drives) OpenVersion(ctx context.Context, driveID, versionID string) (Node, Version, blob.Content, error) {
	v, at, err := version(ctx, s.db, driveID, versionID)
	if err != nil {
		return Node{}, v, nil, fault.Wrap(err, "drive.OpenVersion")
	}
	content, err := s.openBlob(ctx, v.blob, v.Size)
	if missing(err) { // it was removed in between
		err = fault.As(fault.NotFound, "drive.OpenVersion", err)
	}
	return *at.node, v, content, fault.Wrap(err, "drive.OpenVersion")
}

// RestoreVersion gives a file the content that it held before. What it holds now becomes a version, and the restored one is none any more.
// NotFound, Locked, Full. g.Check sees the file.
func (s *Drives) RestoreVersion(ctx context.Context, driveID, versionID string, g Guard) (node Node, err error) {
	err = s.edit(ctx, "drive.RestoreVersion", driveID, func(e *edit) error {
		v, at, err := e.lockedVersion(ctx, versionID, g)
		if err != nil {
			return err
		}
		old := *at.node
		if err := e.proposed(old.Name, v.MediaType, v.Size); err != nil {
			return err
		}
		if err := e.dropVersion(ctx, v); err != nil { // first, so that it does not count twice, nor is pruned
			return err
		}
		node = old
		node.SHA256, node.Size, node.MediaType, node.Modified, node.blob = v.SHA256, v.Size, v.MediaType, v.Modified, v.blob
		node.Revision++
		if err := e.supersede(ctx, old, node); err != nil {
			return err
		}
		e.written(old, node.Path)
		return e.rewrite(ctx, node)
	})
	return node, err
}

// RemoveVersion removes a version for good and gives its bytes back. NotFound, Locked. g.Check sees the file.
func (s *Drives) RemoveVersion(ctx context.Context, driveID, versionID string, g Guard) error {
	return s.edit(ctx, "drive.RemoveVersion", driveID, func(e *edit) error {
		v, at, err := e.lockedVersion(ctx, versionID, g)
		if err != nil {
			return err
		}
		e.changed(ChangeTouched, at.node.ID, at.path)
		return e.dropVersion(ctx, v)
	})
}

// lockedVersion finds a version of a file that may be changed.
func (e *edit) lockedVersion(ctx context.Context, versionID string, g Guard) (Version, *place, error) {
	v, at, err := version(ctx, e, e.drive, versionID)
	if err != nil {
		return v, nil, err
	}
	if err := e.check(ctx, g, at.node); err != nil {
		return v, nil, err
	}
	return v, at, e.unlocked(ctx, g.Tokens, contentOf(at))
}

func (e *edit) dropVersion(ctx context.Context, v Version) error {
	if _, err := e.Exec(ctx, `DELETE FROM versions WHERE id = $1`, v.ID); err != nil {
		return err
	}
	return e.take(-v.Size)
}
