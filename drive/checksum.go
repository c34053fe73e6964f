package drive

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"hash"
	"hash/adler32"
	"io"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Checksums are digests of content by which some clients compare files. The drive itself knows content by its SHA-256.
type Checksums struct{ SHA1, MD5 []byte }

// Algorithm is a digest that a client may send with content.
type Algorithm string

const (
	SHA1    Algorithm = "sha1"
	MD5     Algorithm = "md5"
	Adler32 Algorithm = "adler32"
	SHA256  Algorithm = "sha256"
	SHA3256 Algorithm = "sha3-256"
)

// New begins a digest; nil if the algorithm is not one of the above.
func (a Algorithm) New() hash.Hash {
	switch a {
	case SHA1:
		return sha1.New()
	case MD5:
		return md5.New()
	case Adler32:
		return adler32.New()
	case SHA256:
		return sha256.New()
	case SHA3256:
		return sha3.New256()
	}
	return nil
}

// Claim is what a client says that a digest of its content is.
type Claim struct {
	Algorithm Algorithm
	Sum       []byte
}

// digester computes content's SHA-256 and, where a client claims something, what is claimed, and its Checksums.
type digester struct {
	sha256 hash.Hash
	more   map[Algorithm]hash.Hash
}

func newDigester(claims []Claim) *digester {
	d := &digester{sha256: sha256.New()}
	if len(claims) > 0 {
		d.more = map[Algorithm]hash.Hash{SHA1: sha1.New(), MD5: md5.New()}
	}
	for _, c := range claims {
		if d.more[c.Algorithm] == nil {
			d.more[c.Algorithm] = c.Algorithm.New()
		}
	}
	return d
}

func (d *digester) Write(p []byte) (int, error) {
	d.sha256.Write(p)
	for _, h := range d.more {
		h.Write(p)
	}
	return len(p), nil
}

// describe writes the digests into content, or says that the content is not what was claimed.
func (d *digester) describe(c *content, claims []Claim) error {
	c.sha256 = d.sha256.Sum(nil)
	if d.more == nil {
		return nil
	}
	for _, claim := range claims {
		if !bytes.Equal(d.more[claim.Algorithm].Sum(nil), claim.Sum) {
			return fault.New(fault.ChecksumMismatch, "drive.describe", "The content differs from its checksum. Nothing was stored: send it again.").WithCode("checksum_mismatch")
		}
	}
	c.checksums = &Checksums{SHA1: d.more[SHA1].Sum(nil), MD5: d.more[MD5].Sum(nil)}
	return nil
}

// keepChecksums writes down the digests of a blob, for all files and versions of the drive that hold it. Other drives have their own:
// what is known without having been computed would tell that somebody else holds the same content.
func (e *edit) keepChecksums(ctx context.Context, id blob.Key, sums *Checksums) error {
	if sums == nil {
		return nil
	}
	_, err := e.Exec(ctx, `INSERT INTO checksums (drive_id, blob_id, sha1, md5) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		e.drive, string(id), sums.SHA1, sums.MD5)
	return err
}

// Checksums answers the digests, by node id, of those of a drive's nodes that are files. Where one is missing it is not known yet: it is
// computed in the background, for whoever asks again.
func (s *Drives) Checksums(ctx context.Context, driveID string, nodes []Node) (map[string]Checksums, error) {
	ids := make([]string, len(nodes))
	for i := range nodes {
		ids[i] = nodes[i].ID
	}
	known, missing := map[string]Checksums{}, []string(nil)
	err := eachByID(ctx, s.db, `SELECT n.id, n.drive_id, c.sha1, c.md5 FROM nodes n LEFT JOIN checksums c ON c.drive_id = n.drive_id AND c.blob_id = n.blob_id
		WHERE n.blob_id IS NOT NULL AND n.id`, ids, func(scan sqldb.Scan) error {
		var id, drive string
		var sums Checksums
		err := scan(&id, &drive, &sums.SHA1, &sums.MD5)
		switch {
		case err != nil:
		case drive != driveID: // nobody learns what others have
		case sums.SHA1 == nil:
			missing = append(missing, id)
		default:
			known[id] = sums
		}
		return err
	})
	if err == nil && len(missing) > 0 {
		if failed := s.wish(ctx, driveID, missing); failed != nil && ctx.Err() == nil { // whoever asks again wishes again
			s.o.Log.Warn("it is not written down which checksums are wanted", "drive", driveID, "error", failed)
		}
	}
	return known, fault.Wrap(err, "drive.Checksums")
}

// FileChecksums answers a file and its digests; what is not known is computed now, which reads the whole file. NotFound; a
// folder is Invalid with code "is_folder".
func (s *Drives) FileChecksums(ctx context.Context, driveID string, path Path) (Node, Checksums, error) {
	node, err := s.Stat(ctx, driveID, path)
	if err != nil {
		return Node{}, Checksums{}, fault.Wrap(err, "drive.FileChecksums")
	}
	if node.Folder {
		return Node{}, Checksums{}, isFolder()
	}
	var sums Checksums
	err = s.db.Row(ctx, `SELECT sha1, md5 FROM checksums WHERE drive_id = $1 AND blob_id = $2`, []any{driveID, string(node.blob)}, &sums.SHA1, &sums.MD5)
	if sqldb.NoRow(err) {
		w := wish{driveID, node.blob, node.Size}
		if sums, err = s.computeNow(ctx, w); err == nil {
			err = s.recordChecksums(ctx, []described{{w, sums}})
		}
	}
	return node, sums, fault.Wrap(err, "drive.FileChecksums")
}

// atOnce is how many requests compute digests of whole files at the same time, one of each drive; others wait for their turn.
const atOnce = 4

func (s *Drives) computeNow(ctx context.Context, w wish) (Checksums, error) {
	release, err := s.digesting.turns.take(ctx, w.drive)
	if err != nil {
		return Checksums{}, err
	}
	defer release()
	select {
	case s.digesting.atWork <- struct{}{}:
		defer func() { <-s.digesting.atWork }()
	case <-ctx.Done():
		return Checksums{}, ctx.Err()
	}
	return s.compute(ctx, w, func(r io.Reader) io.Reader { return r })
}

// compute reads content through around, from its beginning to its end.
func (s *Drives) compute(ctx context.Context, w wish, around func(io.Reader) io.Reader) (Checksums, error) {
	from, err := s.openBlob(ctx, w.blob, w.size)
	if err != nil {
		return Checksums{}, err
	}
	defer from.Close()
	first, second := sha1.New(), md5.New()
	buffer := s.chunks.Get().(*[]byte)
	defer s.chunks.Put(buffer)
	body := around(interruptible{ctx, from})
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(first, second)}, struct{ io.Reader }{body}, *buffer); err != nil {
		return Checksums{}, err
	}
	return Checksums{SHA1: first.Sum(nil), MD5: second.Sum(nil)}, nil
}

// interruptible is a reader that ends with a context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// described is content whose digests were computed.
type described struct {
	wish
	Checksums
}

// recordChecksums writes down digests of content that is still there, and that nobody wishes for them any more; empty ones could not be computed: one drive after the other, because each is locked against
// edits until its transaction ends.
func (s *Drives) recordChecksums(ctx context.Context, all []described) error {
	byDrive := map[string][]described{}
	for _, d := range all {
		byDrive[d.drive] = append(byDrive[d.drive], d)
	}
	for _, of := range byDrive {
		err := s.db.Update(ctx, func(tx *sqldb.Tx) error {
			insert := `INSERT INTO checksums (drive_id, blob_id, sha1, md5) SELECT d.id, b.id, $3, $4 FROM drives d JOIN blobs b ON b.id = $2 WHERE d.id = $1`
			if tx.Engine() == sqldb.Postgres {
				insert += ` FOR KEY SHARE` // garbage collection waits, or has removed it before
			}
			for _, d := range of {
				if _, err := tx.Exec(ctx, `DELETE FROM checksum_wishes WHERE drive_id = $1 AND blob_id = $2`, d.drive, string(d.blob)); err != nil {
					return err
				}
				if d.SHA1 == nil {
					continue
				}
				if _, err := tx.Exec(ctx, insert+` ON CONFLICT DO NOTHING`, d.drive, string(d.blob), d.SHA1, d.MD5); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
