package drive

import (
	"context"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// neighbourReach is how many names Neighbours looks at to each side.
const neighbourReach = 1000

// Neighbours answers the files of the same folder and class of media type ("image") that come before and after a file, by name;
// nil where there is none within 1,000 names. The file itself may be of any class.
func (s *Drives) Neighbours(ctx context.Context, file Node, class string) (before, after *Node, err error) {
	if before, err = s.neighbour(ctx, file, class, `<`, `DESC`); err == nil {
		after, err = s.neighbour(ctx, file, class, `>`, `ASC`)
	}
	return before, after, fault.Wrap(err, "drive.Neighbours")
}

func (s *Drives) neighbour(ctx context.Context, file Node, class, than, order string) (*Node, error) {
	var row nodeRow
	err := s.db.Row(ctx, `SELECT `+nodeColumns+` FROM
		(SELECT * FROM nodes WHERE drive_id = $4 AND parent_id = $1 AND name_key `+than+` $2 ORDER BY name_key `+order+` LIMIT $5) n
		WHERE LOWER(n.media_type) LIKE $3 ORDER BY n.name_key `+order+` LIMIT 1`,
		[]any{file.ParentID, nameKey(file.Name), class + "/%", file.DriveID, neighbourReach}, row.dest()...)
	if sqldb.NoRow(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	node := row.node(file.DriveID, file.Path.Parent().Join(row.name.String))
	return &node, nil
}

// OpenNode is Open for a file by its id, wherever it is but in the trash.
func (s *Drives) OpenNode(ctx context.Context, driveID, nodeID string) (Node, blob.Content, error) {
	node, err := s.StatID(ctx, driveID, nodeID)
	if err == nil && node.Folder {
		err = isFolder()
	}
	if err != nil {
		return Node{}, nil, fault.Wrap(err, "drive.OpenNode")
	}
	content, err := s.openBlob(ctx, node.blob, node.Size)
	if missing(err) { // it was replaced and removed in between
		err = fault.New(fault.NotFound, "drive.OpenNode", "")
	}
	return node, content, fault.Wrap(err, "drive.OpenNode")
}
