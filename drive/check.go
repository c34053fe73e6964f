package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Problem is something that is wrong with rows, or with the bytes that they name.
type Problem struct {
	says string
	id   string
	of   about
	seen bool // in the store, once
	// repair puts it right, and answers what it did; nil where nobody can tell what was right.
	repair func(ctx context.Context, id string) (done string, err error)
}

func (p Problem) String() string { return fmt.Sprintf(p.says, p.id) }

// about is what the id of a problem names.
type about int

const (
	aboutDrive about = iota
	aboutNode
	aboutUpload
	aboutBlob
)

// What a drive's row counts, of a drive d.
const (
	usedSum = `(COALESCE((SELECT SUM(size) FROM nodes WHERE drive_id = d.id), 0) + COALESCE((SELECT SUM(size) FROM versions WHERE drive_id = d.id), 0)
		+ COALESCE((SELECT SUM(` + propertySize + `) FROM properties p JOIN nodes n ON n.id = p.node_id WHERE n.drive_id = d.id), 0))`
	reservedSum = `COALESCE((SELECT SUM(CASE WHEN length >= 0 THEN length WHEN -2 - length > received THEN -2 - length ELSE received END) FROM uploads
		WHERE drive_id = d.id AND kind NOT IN ('joined', 'chunked') AND completed_at = 0 AND gone_at = 0), 0)`
	openCount = `(SELECT COUNT(*) FROM uploads WHERE drive_id = d.id AND completed_at = 0 AND gone_at = 0)`
	// chunkSum is what the row of an upload u counts that comes in chunks.
	chunkSum = `COALESCE((SELECT SUM(c.length) FROM upload_parts p JOIN uploads c ON c.id = p.part_id WHERE p.upload_id = u.id), 0)`
)

// check finds one kind of problem: the ids that its query answers.
type check struct {
	says, query string
	of          about
	repair      func(ctx context.Context, id string) (done string, err error)
}

func (s *Drives) checks() []check {
	return []check{
		{"drive %s: its usage is not the sum of its files, versions and properties", `SELECT d.id FROM drives d WHERE d.used <> ` + usedSum, aboutDrive, s.recount},
		{"drive %s: what it has reserved is not the sum of its open uploads", `SELECT d.id FROM drives d WHERE d.reserved <> ` + reservedSum, aboutDrive, s.recount},
		{"drive %s: its count of open uploads is wrong", `SELECT d.id FROM drives d WHERE d.uploads <> ` + openCount, aboutDrive, s.recount},
		{"upload %s: its size is not the sum of its chunks", `SELECT u.id FROM uploads u WHERE u.kind = 'chunked' AND u.received <> ` + chunkSum, aboutUpload, s.recountChunks},
		{"upload %s: no sweep looks at it, and the part that it waits for is not on its way", `SELECT u.id FROM uploads u WHERE u.waits_for <> '' AND u.completed_at = 0 AND u.gone_at = 0
			AND NOT EXISTS (SELECT 1 FROM uploads part WHERE part.id = u.waits_for AND part.completed_at = 0 AND part.gone_at = 0 AND part.received <> part.length)`, aboutUpload, s.wakeJoined},
		{"drive %s: its changes are not numbered without gaps", `SELECT d.id FROM drives d WHERE d.sequence - d.pruned <>
			(SELECT COUNT(*) FROM changes c WHERE c.drive_id = d.id AND c.sequence > d.pruned AND c.sequence <= d.sequence)`, aboutDrive, s.closeGaps},
		{"folder %s: its count of children is wrong", `SELECT n.id FROM nodes n WHERE n.folder AND n.children <> (SELECT COUNT(*) FROM nodes c WHERE c.parent_id = n.id)`, aboutNode, s.recountChildren},
		{"node %s: its parent is not a folder of the same drive", `SELECT n.id FROM nodes n JOIN nodes p ON p.id = n.parent_id WHERE NOT p.folder OR p.drive_id <> n.drive_id`, aboutNode, nil},
		{"node %s: it has no parent and is neither a root nor in the trash", `SELECT n.id FROM nodes n WHERE n.parent_id IS NULL
			AND NOT EXISTS (SELECT 1 FROM drives WHERE root_id = n.id) AND NOT EXISTS (SELECT 1 FROM trash WHERE node_id = n.id)`, aboutNode, s.bringBack},
		{"node %s: it is in the trash and in a folder", `SELECT n.id FROM nodes n JOIN trash t ON t.node_id = n.id WHERE n.parent_id IS NOT NULL`, aboutNode, s.keepInFolder},
		{"node %s: no root leads to it", `WITH RECURSIVE tree (id) AS (SELECT id FROM nodes WHERE parent_id IS NULL UNION ALL
			SELECT c.id FROM tree JOIN nodes c ON c.parent_id = tree.id) SELECT id FROM nodes WHERE id NOT IN (SELECT id FROM tree)`, aboutNode, nil},
		{"file %s: its content is not what its row says", `SELECT n.id FROM nodes n LEFT JOIN blobs b ON b.id = n.blob_id
			WHERE NOT n.folder AND (b.id IS NULL OR b.size <> n.size OR b.sha256 <> n.sha256)`, aboutNode, nil},
		{"content %s: nothing holds it, and gc does not know", `SELECT id FROM blobs WHERE ` + unreferenced + `
			AND NOT EXISTS (SELECT 1 FROM loose_blobs WHERE loose_blobs.blob_id = blobs.id)`, aboutBlob, s.tellGC},
	}
}

// Check compares rows with each other and with the blob store, and answers what is wrong. It changes
// nothing. On a server that is in use, what changes meanwhile may show up.
func (s *Drives) Check(ctx context.Context) (problems []Problem, err error) {
	for _, c := range s.checks() {
		err := s.db.Each(ctx, c.query, nil, func(scan sqldb.Scan) error {
			p := Problem{says: c.says, of: c.of, repair: c.repair}
			err := scan(&p.id)
			problems = append(problems, p)
			return err
		})
		if err != nil {
			return problems, fault.Wrap(err, "drive.Check")
		}
	}
	more, err := s.checkStore(ctx)
	return append(problems, more...), fault.Wrap(err, "drive.Check")
}

// bytesRow is a row that names bytes in the store.
type bytesRow struct {
	id    string
	size  int64
	stage bool
	part  bool
}

// checkStore looks for the bytes of every row.
func (s *Drives) checkStore(ctx context.Context) (problems []Problem, err error) {
	rows, err := sqldb.All(ctx, s.db, `SELECT id, size, FALSE, FALSE FROM blobs WHERE content IS NULL
		UNION ALL SELECT id, received, TRUE, kind = 'partial' FROM uploads WHERE staged AND completed_at = 0 AND gone_at = 0`, nil,
		func(scan sqldb.Scan) (r bytesRow, err error) { return r, scan(&r.id, &r.size, &r.stage, &r.part) })
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		found, why, err := s.checkBytes(ctx, r)
		if err != nil {
			return problems, err
		}
		if found == contentRight {
			continue
		}
		p := Problem{says: "blob %s: " + strings.ReplaceAll(why, "%", "%%"), id: r.id, of: aboutBlob, seen: true}
		if r.stage {
			p.of = aboutUpload
		}
		if r.stage && found != contentUnreadable { // that may pass
			p.repair = s.endBroken
		}
		problems = append(problems, p)
	}
	return problems, nil
}

// checkBytes answers what is wrong with the bytes of a row: a blob's are of its size, a stage's are at least up to the offset on record. A full
// upload may be sealed and not committed; a part then with others behind it, that an attempt to join them has left there. The error is one of a store that does not work now, which
// says nothing about them.
func (s *Drives) checkBytes(ctx context.Context, r bytesRow) (found damage, why string, err error) {
	var c blob.Content
	if r.stage {
		c, err = s.blobs.OpenStage(ctx, blob.Key(r.id), r.size)
	}
	if !r.stage || errors.Is(err, blob.ErrNotFound) {
		c, err = s.blobs.Open(ctx, blob.Key(r.id))
	}
	var size int64
	if err == nil {
		size, err = c.Seek(0, io.SeekEnd)
		err = errors.Join(err, c.Close())
	}
	switch {
	case err == nil && (size < r.size || (size > r.size && !r.part)):
		found, why = contentChanged, fmt.Sprintf("%d bytes are there, %d should be", size, r.size)
	case err == nil:
		return contentRight, "", nil
	case ctx.Err() != nil, errors.Is(err, blob.ErrAway):
		return contentRight, "", storeError(err, "drive.checkBytes")
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrShort):
		found, why = contentMissing, fmt.Sprintf("its bytes are missing (%v)", err)
	default:
		found, why = contentUnreadable, fmt.Sprintf("its bytes cannot be read (%v)", err)
	}
	return found, why, storeError(s.blobs.Ready(ctx), "drive.checkBytes")
}
