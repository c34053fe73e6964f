package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Stat answers the node at path. NotFound.
func (s *Drives) Stat(ctx context.Context, driveID string, path Path) (Node, error) {
	node, err := s.stat(ctx, driveID, path)
	return node, fault.Wrap(err, "drive.Stat")
}

// StatID answers a node by its id, Path included. NotFound for another drive's, and for what is in the trash.
func (s *Drives) StatID(ctx context.Context, driveID, nodeID string) (Node, error) {
	p, err := locate(ctx, s.db, driveID, nodeID)
	if err != nil {
		return Node{}, fault.Wrap(err, "drive.StatID")
	}
	return *p.node, nil
}

// Walk calls fn for the node at path and everything below it, parents before children. More than
// limit nodes is TooLarge with code "too_many_nodes", before fn was called for any. NotFound.
func (s *Drives) Walk(ctx context.Context, driveID string, path Path, limit int, fn func(Node) error) error {
	top, err := s.Stat(ctx, driveID, path)
	if err != nil {
		return fault.Wrap(err, "drive.Walk")
	}
	all, err := s.subtree(ctx, s.db, top, limit)
	if err != nil {
		return fault.Wrap(err, "drive.Walk")
	}
	for _, node := range all {
		if err := fn(node); err != nil {
			return err
		}
	}
	return nil
}

// subtree is top and everything below it, parents first, read by one query. It goes no further into a tree that is too large than to see
// that it is.
func (s *Drives) subtree(ctx context.Context, q sqldb.Querier, top Node, limit int) ([]Node, error) {
	if !top.Folder {
		return []Node{top}, nil
	}
	all := []Node{top}
	paths := map[string]Path{top.ID: top.Path}
	err := q.Each(ctx, `WITH RECURSIVE tree (id, depth) AS (
			SELECT id, 1 FROM nodes WHERE parent_id = $1
			UNION ALL
			SELECT c.id, tree.depth + 1 FROM tree JOIN nodes c ON c.parent_id = tree.id
		) SELECT `+nodeColumns+` FROM (SELECT id, depth FROM tree LIMIT $2) t LEFT JOIN nodes n ON n.id = t.id ORDER BY t.depth, n.parent_id, n.name_key`,
		[]any{top.ID, limit}, func(scan sqldb.Scan) error {
			var row nodeRow
			if err := scan(row.dest()...); err != nil {
				return err
			}
			if len(all) == limit {
				return tooManyNodes(limit)
			}
			node := row.node(top.DriveID, paths[row.parent.String].Join(row.name.String))
			if node.Folder {
				paths[node.ID] = node.Path
			}
			all = append(all, node)
			return nil
		})
	return all, err
}

// Open answers a file and its content, which the caller closes. NotFound; a folder is Invalid with
// code "is_folder". Content that is not small comes from the blob store as it is: an *os.File on disk.
func (s *Drives) Open(ctx context.Context, driveID string, path Path) (Node, blob.Content, error) {
	node, content, err := s.open(ctx, driveID, path)
	if missing(err) { // it was replaced and removed in between
		node, content, err = s.open(ctx, driveID, path)
	}
	return node, content, fault.Wrap(err, "drive.Open")
}

func (s *Drives) open(ctx context.Context, driveID string, path Path) (Node, blob.Content, error) {
	node, err := s.Stat(ctx, driveID, path)
	if err == nil && node.Folder {
		err = isFolder()
	}
	if err != nil {
		return Node{}, nil, err
	}
	content, err := s.openBlob(ctx, node.blob, node.Size)
	return node, content, err
}

// missing reports whether content is not there, neither in its row nor in the store.
func missing(err error) bool { return errors.Is(err, blob.ErrNotFound) || sqldb.NoRow(err) }

func isFolder() error {
	return fault.New(fault.Invalid, "drive", "This is a folder, not a file.").WithCode("is_folder")
}

func (s *Drives) openBlob(ctx context.Context, id blob.Key, size int64) (blob.Content, error) {
	if size <= largestInline {
		if small, ok := s.small.find(id); ok {
			return inMemory{bytes.NewReader(small)}, nil
		}
		var small []byte
		var stored bool
		if err := s.db.Row(ctx, `SELECT content, content IS NULL FROM blobs WHERE id = $1`, []any{string(id)}, &small, &stored); err != nil {
			return nil, err
		}
		if !stored {
			s.small.keep(id, small)
			return inMemory{bytes.NewReader(small)}, nil
		}
	}
	return s.blobs.Open(ctx, id)
}

// inMemory is small content.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func tooManyNodes(limit int) error {
	return fault.New(fault.TooLarge, "drive.subtree", fmt.Sprintf("This folder holds more than %d files and folders.", limit)).WithCode("too_many_nodes")
}
