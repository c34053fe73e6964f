package drive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Challenge asks one who says to hold content to prove it: the answer is the SHA-256 of the nonce followed by the
// bytes of every range, in order. Whoever knows only the content's hash cannot give it. It may be answered once.
type Challenge struct {
	ID      string
	Nonce   []byte
	Ranges  []Range
	Expires time.Time
}

// Range is Length bytes from Offset on.
type Range struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// challenge asks for a proof of content that somebody holds, nil if nobody does or it is too small for one.
//
// That there is a challenge tells that somebody holds the content. Settings that forbid it are the default.
func (s *Drives) challenge(ctx context.Context, driveID string, n NewUpload) (*Challenge, error) {
	if n.Length < proofSmall {
		return nil, nil
	}
	c := &Challenge{ID: sqldb.NewID(), Nonce: make([]byte, 32)}
	if _, err := rand.Read(c.Nonce); err != nil {
		return nil, fault.Wrap(err, "drive.challenge")
	}
	for range proofRanges {
		at, err := rand.Int(rand.Reader, big.NewInt(n.Length-proofBytes+1))
		if err != nil {
			return nil, fault.Wrap(err, "drive.challenge")
		}
		c.Ranges = append(c.Ranges, Range{at.Int64(), proofBytes})
	}
	ranges, err := json.Marshal(c.Ranges)
	if err != nil {
		return nil, fault.Wrap(err, "drive.challenge")
	}
	err = s.edit(ctx, "drive.challenge", driveID, func(e *edit) error {
		var open int
		if err := e.Row(ctx, `SELECT COUNT(*) FROM proofs WHERE drive_id = $1 AND expires_at >= $2`, []any{driveID, sqldb.Micros(e.now)}, &open); err != nil {
			return err
		}
		if open >= maxOpenProof {
			return fault.New(fault.TooMany, "drive.challenge", "Too many proofs are open. Answer them, or upload the content.").WithCode("too_many_proofs")
		}
		c.Expires = e.now.Add(proofTime)
		made, err := e.Exec(ctx, `INSERT INTO proofs (id, drive_id, blob_id, nonce, ranges, folder, name, conflict, expires_at)
			SELECT $1, $2, b.id, $3, $4, $5, $6, $7, $8 FROM blobs b WHERE b.sha256 = $9 AND b.size = $10 AND NOT `+damagedBlob,
			c.ID, driveID, c.Nonce, string(ranges), string(n.Folder), n.Name, string(n.Conflict), sqldb.Micros(c.Expires), n.SHA256, n.Length)
		if err == nil && made == 0 {
			err = errNobody
		}
		return err
	})
	if errors.Is(err, errNobody) {
		return nil, nil
	}
	return c, err
}

var errNobody = errors.New("nobody holds the content")

// Prove answers a challenge; the file is made if the answer is right. Whatever goes wrong ends the challenge: Forbidden
// with code "proof_failed" for a wrong answer, NotFound for a challenge that is not the drive's, was answered or has expired.
func (s *Drives) Prove(ctx context.Context, driveID, id string, answer []byte) (Node, error) {
	if err := writable(ctx, driveID); err != nil {
		return Node{}, fault.Wrap(err, "drive.Prove")
	}
	p, err := s.takeProof(ctx, driveID, id)
	if err != nil {
		return Node{}, fault.Wrap(err, "drive.Prove")
	}
	want, err := s.proofAnswer(ctx, p)
	if err != nil {
		return Node{}, fault.Wrap(err, "drive.Prove")
	}
	if subtle.ConstantTimeCompare(want, answer) != 1 {
		return Node{}, fault.New(fault.Forbidden, "drive.Prove", "The answer is not right. Upload the content.").WithCode("proof_failed")
	}
	if p.target, err = s.askKnown(ctx, driveID, p.target); err != nil {
		return Node{}, fault.Wrap(err, "drive.Prove")
	}
	var node Node
	err = s.edit(ctx, "drive.Prove", driveID, func(e *edit) (err error) {
		node, err = e.linkContent(ctx, p.target)
		return err
	})
	return node, err
}

// proof is a challenge as on record.
type proof struct {
	blob   blob.Key
	nonce  []byte
	ranges []Range
	target NewUpload
}

// takeProof reads a challenge and removes it: there is no second try.
func (s *Drives) takeProof(ctx context.Context, driveID, id string) (p proof, err error) {
	if !sqldb.ValidID(id) {
		return p, noProof()
	}
	err = s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		var ranges string
		p = proof{}
		err := tx.Row(ctx, `DELETE FROM proofs WHERE id = $1 AND drive_id = $2 AND expires_at >= $3
			RETURNING blob_id, nonce, ranges, folder, name, conflict`, []any{id, driveID, sqldb.Micros(s.o.Now())},
			(*string)(&p.blob), &p.nonce, &ranges, (*string)(&p.target.Folder), &p.target.Name, (*string)(&p.target.Conflict))
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(ranges), &p.ranges); err != nil {
			return err
		}
		return tx.Row(ctx, `SELECT sha256, size FROM blobs WHERE id = $1`, []any{string(p.blob)}, &p.target.SHA256, &p.target.Length)
	})
	if sqldb.NoRow(err) {
		return p, noProof()
	}
	return p, err
}

func noProof() error {
	return fault.New(fault.NotFound, "drive.Prove", "There is no such challenge, or it has been answered or expired.").WithCode("proof_not_found")
}

func (s *Drives) proofAnswer(ctx context.Context, p proof) ([]byte, error) {
	from, err := s.openBlob(ctx, p.blob, p.target.Length)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	digest := sha256.New()
	digest.Write(p.nonce)
	for _, r := range p.ranges {
		if _, err := io.Copy(digest, io.NewSectionReader(from, r.Offset, r.Length)); err != nil {
			return nil, err
		}
	}
	return digest.Sum(nil), nil
}
