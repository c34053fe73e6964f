package drive

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// OpenUploads answers the unfinished uploads of a drive, newest first, at most limit; those that are no files by
// themselves or have no name yet (parts, and what comes in chunks) are left out, and those of strangers (drop.go). Joined ones tell of their
// parts: see withPieces.
func (s *Drives) OpenUploads(ctx context.Context, driveID string, limit int) ([]Upload, error) {
	all, err := sqldb.All(ctx, s.db, `SELECT `+uploadColumns+` FROM uploads
		WHERE drive_id = $1 AND completed_at = 0 AND gone_at = 0 AND kind NOT IN ('partial', 'chunked') AND expires_at >= $2
			AND ($4 = '' OR within = $4) AND share_id = '' ORDER BY id DESC LIMIT $3`,
		[]any{driveID, sqldb.Micros(s.o.Now()), limit, keptTo(ctx)}, scanUpload)
	all = slices.DeleteFunc(all, func(u Upload) bool { return !sees(ctx, u) })
	if err == nil {
		all, err = withPieces(ctx, s.db, driveID, all)
	}
	return all, fault.Wrap(err, "drive.OpenUploads")
}

// Wanted is content that a client has and wants in a drive, told by its hash.
type Wanted struct {
	SHA256   []byte
	Size     int64
	Folder   Path
	Name     string
	Conflict Conflict // zero: Rename
}

// Found is what Lookup knows of wanted content. At most one field is set; none means that it has to be uploaded.
type Found struct {
	Node      *Node      // the content was the drive's already: the file is made, and no byte has to be sent
	Upload    *Upload    // an unfinished upload of the same content to the same place: go on from its offset, or those of its pieces
	Challenge *Challenge // somebody holds it: prove that the client does
}

// Lookup looks for content by its hash. Only what the drive's own files and versions hold is told by a hash alone; content
// that only others hold is not revealed, or where the settings allow it asked a proof for. Invalid; what a file at that
// place can be refused with.
//
// One who is kept to a folder is not told what the rest of the drive holds: only unfinished uploads are found, and proofs asked for.
func (s *Drives) Lookup(ctx context.Context, driveID string, w Wanted) (Found, error) {
	n := NewUpload{Folder: w.Folder, Name: w.Name, Conflict: w.Conflict, SHA256: w.SHA256, Length: w.Size}
	if err := n.check(); err != nil {
		return Found{}, fault.Wrap(err, "drive.Lookup")
	}
	if len(w.SHA256) == 0 || w.Size < 0 {
		return Found{}, fault.New(fault.Invalid, "drive.Lookup", "sha256 and size are needed.").WithCode("invalid_sha256")
	}
	asked, err := s.askFound(ctx, driveID, &n)
	if err != nil {
		return Found{}, fault.Wrap(err, "drive.Lookup")
	}
	var found Found
	err = s.edit(ctx, "drive.Lookup", driveID, func(e *edit) error {
		found = Found{}
		if err := e.proposed(n.Name, n.MediaType, n.Length); err != nil {
			return err // what nobody may upload is not looked for
		}
		own, err := false, error(nil)
		if keptTo(ctx) == "" {
			own, err = e.ownsContent(ctx, w.SHA256, w.Size)
		}
		switch {
		case err != nil:
			return err
		case own && asked:
			node, err := e.linkContent(ctx, n)
			found.Node = &node
			return err
		}
		found.Upload, err = e.sameUpload(ctx, n)
		return err
	})
	if found.Upload != nil {
		s.Asked(found.Upload.ID)
	}
	if err != nil || found.Node != nil || found.Upload != nil || !s.o.Proof {
		return found, err
	}
	found.Challenge, err = s.challenge(ctx, driveID, n)
	return found, err
}

// askFound asks for content that the drive holds, before it becomes a file. asked is whether it may: what came only afterwards has to be uploaded.
func (s *Drives) askFound(ctx context.Context, driveID string, n *NewUpload) (asked bool, err error) {
	if s.o.Ask == nil {
		return true, nil
	}
	own := false
	if keptTo(ctx) == "" {
		err = s.look(ctx, driveID, func(e *edit) (err error) {
			own, err = e.ownsContent(ctx, n.SHA256, n.Length)
			return err
		})
	}
	if err == nil && own {
		*n, err = s.askKnown(ctx, driveID, *n)
	}
	return own, err
}

// ownsContent reports whether the drive's own nodes, the trash included, or their versions hold content that is not known to be damaged.
func (e *edit) ownsContent(ctx context.Context, sum []byte, size int64) (bool, error) {
	var one int
	err := e.Row(ctx, `SELECT 1 FROM blobs b WHERE b.sha256 = $1 AND b.size = $2 AND NOT `+damagedBlob+` AND (
			EXISTS (SELECT 1 FROM nodes n WHERE n.blob_id = b.id AND n.drive_id = $3)
			OR EXISTS (SELECT 1 FROM versions v WHERE v.blob_id = b.id AND v.drive_id = $3))`,
		[]any{sum, size, e.drive}, &one)
	if sqldb.NoRow(err) {
		return false, nil
	}
	return err == nil, err
}

// linkContent makes a file of content that is stored already. NotFound if it was removed meanwhile.
func (e *edit) linkContent(ctx context.Context, n NewUpload) (Node, error) {
	if most := e.s.limits().MaxFile; most > 0 && n.Length > most {
		return Node{}, tooLarge(most)
	}
	at, err := e.uploadTarget(ctx, Upload{NewUpload: n})
	if err != nil {
		return Node{}, err
	}
	if at.node != nil && !at.node.Folder && n.Conflict != Fail && at.node.Size == n.Length && bytes.Equal(at.node.SHA256, n.SHA256) {
		return *at.node, nil // it is there: the answer to an earlier request was lost
	}
	node, _, err := e.write(ctx, at, content{sha256: n.SHA256, size: n.Length, known: true}, writing{
		mediaType: n.MediaType, modified: n.Modified, conflict: n.Conflict,
	})
	return node, err
}

// sameUpload finds an unfinished upload of the same content to the same place, nil if there is none.
func (e *edit) sameUpload(ctx context.Context, n NewUpload) (*Upload, error) {
	all, err := sqldb.All(ctx, e, `SELECT `+uploadColumns+` FROM uploads WHERE drive_id = $1 AND sha256 = $2 AND length = $3
		AND folder = $4 AND name = $5 AND kind IN ('whole', 'joined') AND completed_at = 0 AND gone_at = 0 AND expires_at >= $6 AND ($7 = '' OR within = $7) AND share_id = $8
		ORDER BY id DESC LIMIT $9`,
		[]any{e.drive, n.SHA256, n.Length, string(n.Folder), n.Name, sqldb.Micros(e.now), keptTo(ctx), sharedBy(ctx), maxSame}, scanUpload)
	if err == nil {
		all, err = withPieces(ctx, e, e.drive, all)
	}
	if err != nil || len(all) == 0 {
		return nil, err
	}
	most := slices.MaxFunc(all, func(a, b Upload) int { return cmp.Compare(a.Offset, b.Offset) })
	return &most, nil
}

// maxSame bounds the uploads of one content to one place that are compared: the newest.
const maxSame = 10

// The bounds of a proof.
const (
	proofRanges  = 8                // ranges of bytes that are asked about
	proofBytes   = 4096             // of each
	proofSmall   = 256 << 10        // smaller content is not worth a proof, and easier to guess
	proofTime    = 10 * time.Minute // until it must be answered
	maxOpenProof = 20               // of one drive
)
