package drive

import (
	"bytes"
	"context"

	"github.com/satchelhq/satchel/sqldb"
)

// heldWish asks for content that a file held.
type heldWish struct {
	id   string // of the file
	sum  []byte // its SHA-256; nil if that is not known
	at   int64  // when other content took its place, in microseconds since 1970: so its version is known where its hash is not
	name string
}

// findContents finds what files held: among their versions, else anywhere in the drive. By the file's id; what is not there is not kept.
func (p *past) findContents(ctx context.Context, wanted []heldWish) (map[string]*heldContent, error) {
	found := make(map[string]*heldContent, len(wanted))
	wishes := make(map[string]heldWish, len(wanted))
	ids := make([]string, len(wanted))
	for i, w := range wanted {
		ids[i], wishes[w.id] = w.id, w
	}
	err := eachByID(ctx, p.q, `SELECT `+versionColumns+` FROM versions v JOIN blobs b ON b.id = v.blob_id WHERE v.node_id`, ids, func(scan sqldb.Scan) error {
		v, err := scanVersion(scan)
		w := wishes[v.nodeID]
		replaced := sqldb.Micros(v.Replaced) == w.at
		if err != nil || w.sum == nil && !replaced || w.sum != nil && !bytes.Equal(w.sum, v.SHA256) {
			return err
		}
		if found[w.id] == nil || replaced { // of several that hold the same, the one that was kept then has its time and type
			found[w.id] = &heldContent{Node: Node{SHA256: v.SHA256, Size: v.Size, MediaType: v.MediaType, Modified: v.Modified, blob: v.blob}, version: v.ID}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, w := range wanted {
		if found[w.id] != nil || w.sum == nil {
			continue
		}
		if found[w.id], err = p.anywhere(ctx, w.sum); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// anywhere finds content in the drive by its hash: in files, the trash included, and versions. nil if it is not there. Empty content always is.
func (p *past) anywhere(ctx context.Context, sum []byte) (*heldContent, error) {
	if bytes.Equal(sum, emptySHA256()) {
		return &heldContent{Node: Node{SHA256: sum}}, nil
	}
	h := heldContent{Node: Node{SHA256: sum}}
	var modified int64
	err := p.q.Row(ctx, `SELECT b.id, b.size, n.media_type, n.modified_at FROM blobs b JOIN nodes n ON n.blob_id = b.id WHERE b.sha256 = $1 AND n.drive_id = $2
		UNION ALL SELECT b.id, b.size, v.media_type, v.modified_at FROM blobs b JOIN versions v ON v.blob_id = b.id WHERE b.sha256 = $1 AND v.drive_id = $2 LIMIT 1`,
		[]any{sum, p.drive}, (*string)(&h.blob), &h.Size, &h.MediaType, &modified)
	if sqldb.NoRow(err) {
		return nil, nil
	}
	h.Modified = sqldb.Time(modified)
	return &h, err
}
