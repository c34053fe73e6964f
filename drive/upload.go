package drive

import (
	"context"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// UploadKind is what an upload is to become.
type UploadKind string

const (
	Whole   UploadKind = "whole"   // a file
	Partial UploadKind = "partial" // a part of a file that an upload of kind Joined names
	Joined  UploadKind = "joined"  // a file made of partial uploads
	Chunked UploadKind = "chunked" // a file made of chunks, of which only its end says how it is called: see chunked.go
)

// The bounds of uploads.
const (
	MaxMetadata = 8 << 10   // bytes of the metadata that a client sends
	MaxParts    = 1000      // of a joined upload
	MaxConcat   = 256 << 10 // bytes of the list that names them
)

// NewUpload is what BeginUpload is told.
type NewUpload struct {
	Folder    Path
	Name      string
	MediaType string
	Modified  time.Time
	Conflict  Conflict // zero: Rename
	Metadata  string   // as the client sent it, to be repeated
	Length    int64    // bytes; negative if not known yet: see AnnouncedLength
	Kind      UploadKind
	Concat    string   // Upload-Concat of a joined one as the client sent it, to be repeated
	Parts     []string // ids of the partial uploads that a joined one is made of, in order
	SHA256    []byte   // of the whole, as the client says; nil if it does not. It is never taken for the truth
	Sender    string   // whoever sends into a drop box, by DropSender; of no other upload
}

// AnnouncedLength is the Length of an upload that its client announced to become n bytes long (at most 1<<62), and that is not complete
// with as many, but when the client says so: the length counts as not known until then (SetLength). The space is set aside all the same.
// n is in the row with Length: below -1, what is not known has been announced.
func AnnouncedLength(n int64) int64 { return -2 - n }

// Announced answers what was announced of an upload whose length is not known, and false if nothing was.
func (n NewUpload) Announced() (int64, bool) { return -2 - n.Length, n.Length < -1 }

// Upload is a resumable transfer. Length is negative while it is not known.
type Upload struct {
	ID      string
	DriveID string
	NewUpload
	Offset  int64 // bytes that are durable
	Created time.Time
	Expires time.Time // moves on with every byte, up to the age that Options.UploadMaxAge allows
	NodeID  string    // the file, once committed
	Ended   time.Time // when it was committed; zero before
	Pieces  []Piece   // of a joined one in order, told by OpenUploads and Lookup alone
	gone    bool      // it expired before

	folderID string
	within   string // id of the folder that its beginner was kept to (limit.go); empty if to none
	share    string // id of the share that its beginner came by (drop.go); empty if by none
	digest   []byte // the state of the running SHA-256 at Offset; of a joined one that is a file, the file's SHA-256
	small    []byte // what was received, while it is in the row
	staged   bool   // what was received is in the blob store's stage
}

// Full reports whether every byte is there.
func (u Upload) Full() bool { return u.Length >= 0 && u.Offset == u.Length }

// Target is the path that the upload asks for.
func (u Upload) Target() Path { return u.Folder.Join(u.Name) }

// reservation is how many bytes of the quota an open upload has set aside. What is made of parts has set aside nothing of its own.
func (u Upload) reservation() int64 {
	switch {
	case u.Kind == Joined, u.Kind == Chunked:
		return 0
	case u.Length < 0:
		announced, _ := u.Announced()
		return max(u.Offset, announced)
	}
	return u.Length
}

func (u Upload) key() blob.Key { return blob.Key(u.ID) }

// BeginUpload creates an upload. What commit would refuse is refused here where it can be known: a name
// that is taken (conflict Fail), a file in the way, the quota, a locked target. Its length is set aside from the quota until it
// ends. An empty file is committed at once, and so is a joined upload whose parts are all full; one with parts that are not
// is committed with the last byte of the last part. Invalid, Exists, ParentMissing, Locked, TooLarge, Full; NotFound for a
// part that is not the drive's own, Gone with code "part_used" for one that is in a file already, Invalid with code "part_unfit"
// for what is not a part.
//
// A joined upload that was begun before is answered as it is, as long as it is on record: see sameJoined, and for used parts joinUsed.
func (s *Drives) BeginUpload(ctx context.Context, driveID string, n NewUpload) (Upload, error) {
	n, err := s.askUpload(ctx, driveID, n)
	if err != nil {
		return Upload{}, fault.Wrap(err, "drive.BeginUpload")
	}
	return s.begin(ctx, driveID, n)
}

// begin is BeginUpload for what was asked for already.
func (s *Drives) begin(ctx context.Context, driveID string, n NewUpload) (Upload, error) {
	if err := n.check(); err != nil {
		return Upload{}, fault.Wrap(err, "drive.BeginUpload")
	}
	if n.Kind == Joined && sharedBy(ctx) == "" {
		u, err := s.beginJoined(ctx, driveID, n)
		return u, fault.Wrap(err, "drive.BeginUpload")
	}
	var u Upload
	id := sqldb.NewID()
	released := s.holds.releases(id)
	err := s.edit(ctx, "drive.BeginUpload", driveID, func(e *edit) error {
		u = Upload{ID: id, DriveID: driveID, NewUpload: n, within: keptTo(ctx), share: sharedBy(ctx)}
		if u.share != "" {
			if err := e.admitDrop(ctx, &u); err != nil {
				return err
			}
		}
		return e.beginUpload(ctx, &u, false)
	})
	if err != nil {
		return Upload{}, err
	}
	s.counts.begun.Add(1)
	if !s.db.Shared() {
		s.holds.remember(u, released)
	}
	if !u.Ended.IsZero() {
		s.completed(u)
	}
	return u, nil
}

// beginUpload writes a new upload down. joinable is expectUpload's.
func (e *edit) beginUpload(ctx context.Context, u *Upload, joinable bool) error {
	u.Created, u.Expires = e.now, e.s.expiry(*u, e.now, e.now)
	if err := e.expectUpload(ctx, u, joinable); err != nil {
		return err
	}
	if err := e.reserve(u.reservation()); err != nil {
		return err
	}
	if err := e.insertUpload(ctx, *u); err != nil {
		return err
	}
	if u.Length == 0 && u.Kind != Partial {
		return e.commitUpload(ctx, u, content{sha256: emptySHA256(), small: []byte{}})
	}
	return nil
}

func (n *NewUpload) check() error {
	if n.Kind == "" {
		n.Kind = Whole
	}
	if n.Conflict == "" {
		n.Conflict = Rename
	}
	switch n.Conflict {
	case Rename, Replace, Fail:
	default:
		return fault.New(fault.Invalid, "drive.NewUpload", `conflict is "rename", "replace" or "fail".`).WithCode("invalid_conflict")
	}
	if len(n.Metadata) > MaxMetadata {
		return fault.New(fault.TooLarge, "drive.NewUpload", fmt.Sprintf("An upload's metadata is at most %d bytes long.", MaxMetadata)).WithCode("metadata_too_large")
	}
	if len(n.SHA256) != 0 && len(n.SHA256) != sha256.Size {
		return fault.New(fault.Invalid, "drive.NewUpload", "A SHA-256 is 32 bytes long.").WithCode("invalid_sha256")
	}
	if n.Kind == Joined && (len(n.Parts) == 0 || len(n.Parts) > MaxParts) {
		return fault.New(fault.Invalid, "drive.NewUpload", fmt.Sprintf("An upload is joined of 1 to %d parts.", MaxParts)).WithCode("invalid_parts")
	}
	if len(n.Concat) > MaxConcat || !storable(n.Concat) {
		return fault.New(fault.Invalid, "drive.NewUpload", fmt.Sprintf("The list of parts is UTF-8, of at most %d bytes.", MaxConcat)).WithCode("invalid_parts")
	}
	if !storable(n.Metadata) {
		return fault.New(fault.Invalid, "drive.NewUpload", "An upload's metadata must be UTF-8.").WithCode("invalid_metadata")
	}
	if !storable(n.MediaType) {
		n.MediaType = "" // by the name's extension
	}
	if n.Kind == Partial {
		n.Folder, n.Name = Root, "" // a part goes nowhere
		return nil
	}
	if err := CheckName(n.Name); err != nil {
		return err
	}
	if n.Folder == "" {
		n.Folder = Root
	}
	_, err := ParsePath(string(n.Folder.Join(n.Name)))
	return err
}

// expectUpload refuses early what commit would refuse. A joined upload whose parts are full ends at once, and they with it: of
// those there are never too many.
func (e *edit) expectUpload(ctx context.Context, u *Upload, joinable bool) error {
	if !joinable && e.usage.Uploads >= int64(e.s.limits().MaxOpenUploads) {
		return tooManyUploads()
	}
	limits := e.usage
	if u.Kind == Joined { // its parts have their space already
		limits.Quota = -1
	}
	size := u.Length
	if announced, ok := u.Announced(); ok {
		size = announced
	}
	if r := e.s.room(limits); size > r.bytes {
		return r.over
	}
	if u.Kind == Partial {
		return nil
	}
	if u.Folder == Root && u.Conflict == Rename && e.loaded && len(e.locks) == 0 && u.within == "" { // the root is there, and another name can be found
		u.folderID = e.root
		return e.proposed(u.Name, u.MediaType, size)
	}
	at, err := resolve(ctx, e, e.drive, u.Target())
	if err != nil {
		return err
	}
	if len(at.missing) > 1 { // folders will be made
		if !at.last().folder {
			return parentMissing(at.path)
		}
		if err := e.proposed(u.Name, u.MediaType, size); err != nil {
			return err
		}
		return e.unlocked(ctx, nil, membersOf(at.chain))
	}
	parent, _, _, err := e.admit(ctx, at, writing{size: size, mediaType: u.MediaType, conflict: u.Conflict})
	u.folderID = parent.id
	return err
}

func tooManyUploads() error {
	return fault.New(fault.TooMany, "drive.BeginUpload", "Too many uploads are open. End or remove some first.").WithCode("too_many_uploads")
}

func (e *edit) insertUpload(ctx context.Context, u Upload) error {
	e.usage.Uploads++
	if _, err := e.Exec(ctx, `INSERT INTO uploads (id, drive_id, folder, folder_id, name, media_type, modified_at, conflict, metadata, kind, sha256, length, created_at, active_at, expires_at, concat, within, share_id, sender)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $18)`, u.ID, u.DriveID, string(u.Folder), u.folderID, u.Name, u.MediaType,
		sqldb.Micros(u.Modified), string(u.Conflict), u.Metadata, string(u.Kind), sqldb.Bytes(u.SHA256), u.Length, sqldb.Micros(u.Created), sqldb.Micros(u.Expires), u.Concat, u.within, u.share, u.Sender); err != nil {
		return err
	}
	for i, part := range u.Parts {
		if _, err := e.Exec(ctx, `INSERT INTO upload_parts (upload_id, position, part_id) VALUES ($1, $2, $3)`, u.ID, i, part); err != nil {
			return err
		}
	}
	return nil
}

// Upload answers an upload of the drive; another drive's is NotFound. One that is full and not committed yet (the
// server was killed, or the commit was refused) is committed first: what refuses it now is the error. The caller holds it.
func (s *Drives) Upload(ctx context.Context, driveID, id string) (Upload, error) {
	u, err := s.readUpload(ctx, s.db, driveID, id)
	if err != nil {
		return Upload{}, fault.Wrap(err, "drive.Upload")
	}
	if !u.pending() {
		return u, nil
	}
	done, err := s.finish(ctx, u)
	if isUnfinished(err) { // parts of it are still on their way
		if u.Length < 0 {
			u.Length, err = s.partsLength(ctx, u)
			return u, fault.Wrap(err, "drive.Upload")
		}
		return u, nil
	}
	return done, fault.Wrap(err, "drive.Upload")
}

// OwnedUpload answers what kind of upload it is if it is the drive's, else NotFound. It takes no hold and commits
// nothing, so that it can be asked before anything else.
func (s *Drives) OwnedUpload(ctx context.Context, driveID, id string) (kind UploadKind, err error) {
	if !sqldb.ValidID(id) || ofDrive(ctx, driveID) != nil {
		return "", noUpload()
	}
	err = s.db.Row(ctx, `SELECT kind FROM uploads WHERE id = $1 AND drive_id = $2 AND kind <> 'chunked' AND ($3 = '' OR within = $3) AND share_id = $4`,
		[]any{id, driveID, keptTo(ctx), sharedBy(ctx)}, (*string)(&kind))
	if sqldb.NoRow(err) {
		return "", noUpload()
	}
	return kind, fault.Wrap(err, "drive.OwnedUpload")
}

// Seen is an upload as it was on record before it was held.
type Seen struct {
	Upload
	released uint64 // how often holds had been released before
}

// SeeUpload answers an upload of the drive, expired ones too, else NotFound. Like OwnedUpload it takes no hold and commits nothing.
func (s *Drives) SeeUpload(ctx context.Context, driveID, id string) (seen Seen, err error) {
	if seen, ok := s.holds.recall(id); ok && seen.DriveID == driveID && sees(ctx, seen.Upload) {
		return seen, nil
	}
	if len(id) > 0 {
		seen.released = s.holds.releases(id)
	}
	seen.Upload, err = s.anyUpload(ctx, s.db, driveID, id)
	if err == nil && seen.Kind == Chunked { // it has another address
		return Seen{}, noUpload()
	}
	return seen, fault.Wrap(err, "drive.SeeUpload")
}

// SeenUpload is Upload for one who has seen the upload and holds it since. It is read again only if another
// request may have written to it in between: one of another process, or one that held it until now.
func (s *Drives) SeenUpload(ctx context.Context, seen Seen) (Upload, error) {
	if s.db.Shared() || s.holds.releases(seen.ID) != seen.released || seen.pending() || s.expired(seen.Upload) {
		return s.Upload(ctx, seen.DriveID, seen.ID)
	}
	return seen.Upload, nil
}

func noUpload() error {
	return fault.New(fault.NotFound, "drive.Upload", "There is no such upload.").WithCode("upload_not_found")
}

// pending reports whether an upload may have all it needs to be committed and is not.
func (u Upload) pending() bool {
	return u.Kind != Partial && u.Kind != Chunked && u.Ended.IsZero() && (u.Full() || u.Kind == Joined)
}

const uploadColumns = `id, drive_id, folder, folder_id, name, media_type, modified_at, conflict, metadata, kind, concat, sha256, length, received,
	digest, content, staged, node_id, completed_at, created_at, expires_at, gone_at > 0, within, share_id, sender`

func scanUpload(scan sqldb.Scan) (u Upload, err error) {
	var modified, ended, created, expires int64
	err = scan(&u.ID, &u.DriveID, (*string)(&u.Folder), &u.folderID, &u.Name, &u.MediaType, &modified, (*string)(&u.Conflict), &u.Metadata,
		(*string)(&u.Kind), &u.Concat, &u.SHA256, &u.Length, &u.Offset, &u.digest, &u.small, &u.staged, &u.NodeID, &ended, &created, &expires, &u.gone, &u.within, &u.share, &u.Sender)
	u.Modified, u.Ended, u.Created, u.Expires = sqldb.Time(modified), sqldb.Time(ended), sqldb.Time(created), sqldb.Time(expires)
	return u, err
}

// readUpload reads an upload of the drive. NotFound for another's; Gone for one that has expired, swept or not.
func (s *Drives) readUpload(ctx context.Context, q sqldb.Querier, driveID, id string) (Upload, error) {
	u, err := s.anyUpload(ctx, q, driveID, id)
	if err == nil && s.expired(u) {
		return u, uploadExpired()
	}
	return u, err
}

func (s *Drives) expired(u Upload) bool {
	return u.gone || (u.Ended.IsZero() && u.Expires.Before(s.o.Now()))
}

func uploadExpired() error {
	return fault.New(fault.Gone, "drive.Upload", "The upload has expired. Begin it again.").WithCode("upload_expired")
}

// expiry is when an upload expires that was created and received its last byte at these times; the same time twice if it received none.
func (s *Drives) expiry(u Upload, created, last time.Time) time.Time {
	patience, most := s.patience(u), s.limits().UploadMaxAge
	if u.share != "" {
		if most <= 0 || most > dropAge {
			most = dropAge
		}
		if !last.After(created) {
			patience = min(patience, dropBegun)
		}
	}
	idle := last.Add(patience)
	if age := created.Add(most); most > 0 && age.Before(idle) {
		return age
	}
	return idle
}

// patience is how long an upload lives after its last byte, and is remembered after it became a file.
func (s *Drives) patience(u Upload) time.Duration {
	if u.share != "" {
		return min(s.limits().UploadExpiry, dropIdle)
	}
	return s.limits().UploadExpiry
}

// anyUpload is readUpload for expired ones too.
func (s *Drives) anyUpload(ctx context.Context, q sqldb.Querier, driveID, id string) (u Upload, err error) {
	if !sqldb.ValidID(id) {
		return u, noUpload()
	}
	u, err = scanUpload(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE id = $1 AND drive_id = $2`, []any{id, driveID}, dest...)
	})
	if sqldb.NoRow(err) || err == nil && !sees(ctx, u) {
		return Upload{}, noUpload()
	}
	if err != nil {
		return Upload{}, err
	}
	if u.Kind == Joined {
		u.Parts, err = sqldb.All(ctx, q, `SELECT part_id FROM upload_parts WHERE upload_id = $1 ORDER BY position`, []any{id},
			func(scan sqldb.Scan) (part string, err error) { return part, scan(&part) })
	}
	return u, err
}

// SetLength tells the length of an upload whose length was not known, or announces it (AnnouncedLength). Invalid if it is known, or
// shorter than what is there; TooLarge, Full. The caller holds it. A length that is reached already commits the upload, one that is
// only announced does not.
func (s *Drives) SetLength(ctx context.Context, driveID, id string, length int64) (Upload, error) {
	var u Upload
	err := s.edit(ctx, "drive.SetLength", driveID, func(e *edit) (err error) {
		if u, err = s.readUpload(ctx, e, driveID, id); err != nil {
			return err
		}
		told := u
		told.Length = length
		size := told.reservation()
		if err := e.stillHolds(ctx, id); err != nil {
			return err
		}
		if u.Length >= 0 || (length >= 0 && length < u.Offset) {
			return fault.New(fault.Invalid, "drive.SetLength", "The upload's length is known already, or more bytes are there.").WithCode("invalid_length")
		}
		if most := s.limits().MaxFile; most > 0 && size > most {
			return tooLarge(most)
		}
		if err := e.reserve(size - u.reservation()); err != nil {
			return err
		}
		u = told
		_, err = e.Exec(ctx, `UPDATE uploads SET length = $2 WHERE id = $1`, id, length)
		return err
	})
	if err == nil && u.pending() {
		u, err = s.finish(ctx, u)
	}
	if err == nil && u.Kind == Partial && u.Full() {
		s.finishJoined(context.WithoutCancel(ctx), u)
	}
	return u, fault.Wrap(err, "drive.SetLength")
}

// DropUpload ends an upload with all that was received; a file that it became stays. NotFound. The caller holds it.
func (s *Drives) DropUpload(ctx context.Context, driveID, id string) error {
	err := s.removeUpload(ctx, driveID, id)
	if err == nil {
		s.counts.dropped.Add(1)
	}
	return fault.Wrap(err, "drive.DropUpload")
}

func (s *Drives) removeUpload(ctx context.Context, driveID, id string) error {
	return s.edit(ctx, "drive.removeUpload", driveID, func(e *edit) error {
		u, err := s.anyUpload(ctx, e, driveID, id)
		if err == nil {
			err = e.stillHolds(ctx, id)
		}
		if err != nil {
			return err
		}
		if u.Kind == Joined && !u.Ended.IsZero() { // what is remembered of its parts is remembered for its sake
			if _, err := e.Exec(ctx, `DELETE FROM uploads WHERE completed_at > 0 AND kind = 'partial' AND drive_id = $2
				AND id IN (SELECT part_id FROM upload_parts WHERE upload_id = $1)`, id, driveID); err != nil {
				return err
			}
		}
		return e.remove(ctx, u)
	})
}

// remove ends an upload, and forgets it.
func (e *edit) remove(ctx context.Context, u Upload) error {
	if err := e.endUpload(ctx, u); err != nil {
		return err
	}
	_, err := e.Exec(ctx, `DELETE FROM uploads WHERE id = $1`, u.ID)
	return err
}

// endUpload gives back what an upload that is still open has set aside, and its bytes once the transaction is durable.
func (e *edit) endUpload(ctx context.Context, u Upload) error {
	if u.gone || !u.Ended.IsZero() {
		return nil // after the commit the stage is a blob
	}
	e.after = append(e.after, func() { e.s.discard(u.key()) })
	if err := e.returnUse(ctx, u); err != nil {
		return err
	}
	return e.unreserve(u)
}

// unreserve gives back what an open upload has set aside, and its place among the open ones.
func (e *edit) unreserve(u Upload) error {
	e.usage.Uploads--
	return e.reserve(-u.reservation())
}

// runningDigest continues the SHA-256 of what was received.
func (u Upload) runningDigest() (hash.Hash, error) {
	digest := sha256.New()
	if len(u.digest) == 0 {
		return digest, nil
	}
	err := digest.(encoding.BinaryUnmarshaler).UnmarshalBinary(u.digest)
	return digest, err
}

func digestState(digest hash.Hash) ([]byte, error) {
	return digest.(encoding.BinaryMarshaler).MarshalBinary()
}

// PeekUpload answers an upload of the drive as it is on record, without committing or holding it. NotFound.
func (s *Drives) PeekUpload(ctx context.Context, driveID, id string) (Upload, error) {
	u, err := s.readUpload(ctx, s.db, driveID, id)
	return u, fault.Wrap(err, "drive.PeekUpload")
}
