package drive

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Options.Ask is asked before new content is taken from outside: once for each upload that begins, parts of others among them, for each body of Put and
// Patch, for an upload in chunks when it begins and when it becomes a file, and for content that becomes a file by its hash alone. It is asked outside of
// any transaction and hold, before the body is read, and after what the drive itself would refuse. Copies, moves, restored files and versions are no new
// content, and a lock on what is not there makes an empty file, whose content comes by Put.

// Question is content that somebody wants to bring in.
type Question struct {
	Proposal            // Name is empty for what has none yet: a part, an upload in chunks when it begins
	Path     Path       // where it is to be; empty where Name is
	Kind     UploadKind // Whole, Partial or Joined
	Parts    []string   // ids of the uploads that a joined one is made of
	Metadata string     // of an upload as its client sent it, in the form of tus's Upload-Metadata
	SHA256   []byte     // of the whole, as the client says; nil if it does not
	Share    string     // id of the drop box that it comes by; empty if by none
}

// Amendment is what the answer to a Question changes. The zero value changes nothing.
type Amendment struct {
	// Name is the file's name instead, one that CheckName takes. It counts only where the client leaves the name to the server (conflict Rename): elsewhere
	// the file has to be where it was put.
	Name      string
	MediaType string  // instead of what the client says
	Metadata  *string // to be repeated instead of what the client sent
}

// ask asks, if anybody is to be asked.
func (s *Drives) ask(ctx context.Context, q Question, conflict Conflict) (Amendment, error) {
	if s.o.Ask == nil {
		return Amendment{}, nil
	}
	q.Share = sharedBy(ctx)
	a, err := s.o.Ask(ctx, q)
	if conflict != Rename {
		a.Name = ""
	}
	return a, err
}

// look runs fn in a transaction that only reads, with the drive's usage, to find out what an edit would refuse.
func (s *Drives) look(ctx context.Context, driveID string, fn func(e *edit) error) error {
	if err := writable(ctx, driveID); err != nil {
		return err
	}
	err := s.db.Read(ctx, func(tx *sqldb.Tx) error {
		e := &edit{Tx: tx, s: s, drive: driveID, now: s.o.Now()}
		if err := tx.Row(ctx, `SELECT root_id, quota, used, reserved, uploads FROM drives WHERE id = $1`, []any{driveID},
			&e.root, &e.usage.Quota, &e.usage.Used, &e.usage.Reserved, &e.usage.Uploads); err != nil {
			return err
		}
		return fn(e)
	})
	return discreet(ctx, err)
}

// askUpload asks for an upload that is about to begin, and answers it as it was amended.
func (s *Drives) askUpload(ctx context.Context, driveID string, n NewUpload) (NewUpload, error) {
	if s.o.Ask == nil {
		return n, nil
	}
	if err := n.check(); err != nil {
		return n, err
	}
	u := Upload{DriveID: driveID, NewUpload: n, within: keptTo(ctx), share: sharedBy(ctx)}
	if err := s.look(ctx, driveID, func(e *edit) error { return e.expectAsked(ctx, &u) }); err != nil {
		return n, err
	}
	q := Question{Proposal: Proposal{driveID, u.Name, u.MediaType, u.Length}, Kind: u.Kind, Parts: u.Parts, Metadata: u.Metadata, SHA256: u.SHA256}
	if announced, ok := u.Announced(); ok {
		q.Size = announced
	}
	if u.Kind != Partial {
		q.Path = u.Target()
	}
	a, err := s.ask(ctx, q, u.Conflict)
	if err != nil {
		return n, err
	}
	if a.Name != "" && n.Kind != Partial {
		n.Name = a.Name
	}
	if a.MediaType != "" {
		n.MediaType = a.MediaType
	}
	if a.Metadata != nil {
		n.Metadata = *a.Metadata
	}
	return n, nil
}

// expectAsked refuses what need not be asked, because the drive will not have it, and tells where the rest is to go.
func (e *edit) expectAsked(ctx context.Context, u *Upload) error {
	if u.share != "" {
		if err := u.droppable(); err != nil {
			return err
		}
		at, err := locate(ctx, e, e.drive, u.within)
		if err != nil {
			return err
		}
		u.Folder, u.Conflict, u.SHA256 = at.path, Rename, nil
	}
	ready := false
	if u.Kind == Joined {
		var err error
		u.Length, ready, err = e.joinedLength(ctx, u.Parts)
		if isPartUsed(err) { // it is asked for again, or for another file of the same parts
			u.Length, ready, err = -1, true, nil
		}
		if err != nil {
			return err
		}
	}
	return e.expectUpload(ctx, u, ready)
}

// askPut asks for a body that is to become the file at path, and answers where it goes and how as it was amended.
func (s *Drives) askPut(ctx context.Context, driveID string, path Path, w writing, parts []string) (Path, writing, error) {
	q := Question{Proposal: Proposal{driveID, path.Name(), w.mediaType, w.size}, Path: path, Kind: Whole, Parts: parts}
	if len(parts) > 0 {
		q.Kind = Joined
	}
	a, err := s.ask(ctx, q, w.conflict)
	if err != nil {
		return path, w, err
	}
	if a.Name != "" && a.Name != path.Name() {
		if path, err = ParsePath(string(path.Parent().Join(a.Name))); err != nil {
			return path, w, err
		}
	}
	if a.MediaType != "" {
		w.mediaType = a.MediaType
	}
	if a != (Amendment{}) { // before the body is read
		err = s.o.Admit(Proposal{driveID, path.Name(), w.mediaType, w.size})
	}
	return path, w, err
}

// askPart asks for a part of a file, which has its size afterwards. There is nothing to amend: it stays the file that it is.
func (s *Drives) askPart(ctx context.Context, node Node, size int64) error {
	_, err := s.ask(ctx, Question{Proposal: Proposal{node.DriveID, node.Name, node.MediaType, size}, Path: node.Path, Kind: Whole}, Replace)
	return err
}

// askChunked asks for a file that is made of chunks which are all there, and answers its media type.
func (s *Drives) askChunked(ctx context.Context, u Upload, path Path, o PutOptions) (mediaType string, err error) {
	if s.o.Ask == nil {
		return o.MediaType, nil
	}
	chunks, err := chunksOf(ctx, s.db, u.ID)
	if err != nil {
		return "", err
	}
	total, err := s.checkChunks(chunks, o.Size)
	if err != nil {
		return "", err
	}
	w := writing{size: total, mediaType: o.MediaType, conflict: Replace, guard: o.Guard}
	if _, err := s.expect(ctx, u.DriveID, path, -1, w); err != nil {
		return "", err
	}
	_, w, err = s.askPut(ctx, u.DriveID, path, w, []string{u.ID})
	return w.mediaType, err
}

// askKnown asks for content that becomes a file by its hash alone, and answers it as it was amended.
func (s *Drives) askKnown(ctx context.Context, driveID string, n NewUpload) (NewUpload, error) {
	if most := s.limits().MaxFile; most > 0 && n.Length > most {
		return n, tooLarge(most)
	}
	if err := s.o.Admit(Proposal{driveID, n.Name, n.MediaType, n.Length}); err != nil {
		return n, err
	}
	a, err := s.ask(ctx, Question{Proposal: Proposal{driveID, n.Name, n.MediaType, n.Length}, Path: n.Folder.Join(n.Name), Kind: Whole, SHA256: n.SHA256}, n.Conflict)
	if a.Name != "" {
		n.Name = a.Name
	}
	if a.MediaType != "" {
		n.MediaType = a.MediaType
	}
	if err == nil {
		err = n.check()
	}
	return n, err
}

// droppable refuses what a drop box does not take, whatever it is called.
func (u Upload) droppable() error {
	switch {
	case u.Kind != Whole:
		return fault.New(fault.Invalid, "drive.admitDrop", "Files are sent here as a whole.").WithCode("whole_only")
	case u.Length < 0:
		return fault.New(fault.Invalid, "drive.admitDrop", "The length of a file must be known when it is sent here.").WithCode("length_required")
	}
	return nil
}
