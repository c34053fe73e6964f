package drive

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// content is bytes that are whole: small ones in memory, others sealed in the blob store.
type content struct {
	sha256 []byte
	size   int64
	small  []byte    // when key is empty; never nil then
	key    blob.Key  // the sealed blob
	sealed time.Time // when it was, where no row names the key until the commit
	known  bool      // a row holds it already; nothing else is known then but sha256 and size

	checksums *Checksums // nil where nobody needed them
}

// Guard is what a request brings against others' changes. It is looked at inside the
// transaction, after the path was resolved and before anything is written.
type Guard struct {
	// Tokens are the lock tokens that the request sent: what a lock covers whose token is missing is fault.Locked.
	Tokens []string
	// Check, if set, sees the node that stands at the target (nil if none does) and refuses by an error.
	Check func(current *Node) error
	// Source, if set, sees the node that Move and Copy take, and refuses by an error.
	Source func(source *Node) error
	// Unchanged are points of folders in which nothing may have changed since: Precondition otherwise.
	Unchanged []Point
}

func (g Guard) check(current *Node) error {
	if g.Check == nil {
		return nil
	}
	return g.Check(current)
}

// check holds the guard against the node at the target, and against the folders that it names.
func (e *edit) check(ctx context.Context, g Guard, current *Node) error {
	if err := e.stillSo(ctx, g.Unchanged); err != nil {
		return err
	}
	return g.check(current)
}

// Conflict is what happens when the name is taken.
type Conflict string

const (
	Rename  Conflict = "rename"  // take the next free name: "name (1).ext"
	Replace Conflict = "replace" // the old content stays as a version
	Fail    Conflict = "fail"    // fault.Exists
)

// writing is how content becomes a node.
type writing struct {
	size      int64 // negative if not known yet
	mediaType string
	modified  time.Time
	conflict  Conflict
	guard     Guard
}

// admit looks at everything that can refuse content at a place before it is taken: parent, precondition,
// locks and what is in the way. It answers the name to use and the node to replace, nil for a new one.
func (e *edit) admit(ctx context.Context, at *place, w writing) (parent link, name string, old *Node, err error) {
	parent, err = at.parent()
	if err != nil {
		return
	}
	if err = e.proposed(at.path.Name(), w.mediaType, w.size); err != nil {
		return
	}
	if err = e.check(ctx, w.guard, at.node); err != nil {
		return
	}
	name, old = at.path.Name(), at.node
	if old != nil && (old.Folder || w.conflict == Fail) && w.conflict != Rename {
		return parent, name, nil, taken(at.path)
	}
	if w.conflict == Rename && (old != nil || len(name) > parent.path.room()) { // the folder may have moved since
		if name, err = e.freeName(ctx, parent, name); err != nil {
			return
		}
		old = nil
	}
	if old != nil {
		err = e.unlocked(ctx, w.guard.Tokens, contentOf(at))
	} else {
		err = e.unlocked(ctx, w.guard.Tokens, membersOf(at.chainTo(parent)))
	}
	return
}

// proposed asks the settings' rules whether there may be such a file.
func (e *edit) proposed(name, mediaType string, size int64) error {
	return e.s.o.Admit(Proposal{DriveID: e.drive, Name: name, MediaType: mediaType, Size: size})
}

func taken(p Path) error {
	return fault.New(fault.Exists, "drive.commit", "There is something with this name already.").WithCode("name_taken").WithPath(string(p))
}

// write makes content the file at a place. It is the only way by which bytes become a node.
func (e *edit) write(ctx context.Context, at *place, c content, w writing) (node Node, created bool, err error) {
	w.size = c.size
	parent, name, old, err := e.admit(ctx, at, w)
	if err != nil {
		return Node{}, false, err
	}
	id, err := e.adopt(ctx, c)
	if err != nil {
		return Node{}, false, err
	}
	if err := e.keepChecksums(ctx, id, c.checksums); err != nil {
		return Node{}, false, err
	}
	if w.modified.IsZero() {
		w.modified = e.now
	}
	if w.mediaType == "" || !storable(w.mediaType) {
		w.mediaType = mediaType(name)
	}
	node = Node{
		DriveID: e.drive, ParentID: parent.id, Name: name, Path: parent.path.Join(name), Size: c.size, MediaType: w.mediaType,
		SHA256: c.sha256, Created: e.now, Modified: w.modified, Revision: 1, blob: id,
	}
	if old == nil {
		if err := e.take(c.size); err != nil {
			return Node{}, false, err
		}
		node.ID = sqldb.NewID()
		e.placed(ChangeCreated, node, seat{}, node.seat(), node.Path)
		return node, true, e.insert(ctx, node)
	}
	node.ID, node.Name, node.Path, node.Created, node.Revision = old.ID, old.Name, old.Path, old.Created, old.Revision+1
	if err := e.supersede(ctx, *old, node); err != nil {
		return Node{}, false, err
	}
	e.written(*old, node.Path)
	return node, false, e.rewrite(ctx, node)
}

// rewrite gives a file's row the content that node has.
func (e *edit) rewrite(ctx context.Context, node Node) error {
	_, err := e.Exec(ctx, `UPDATE nodes SET blob_id = $2, sha256 = $3, size = $4, media_type = $5, modified_at = $6, revision = $7 WHERE id = $1`,
		node.ID, string(node.blob), node.SHA256, node.Size, node.MediaType, sqldb.Micros(node.Modified), node.Revision)
	return err
}

// adopt writes the blob's row, or finds the one that holds the same content already, which is mended if it is damaged.
func (e *edit) adopt(ctx context.Context, c content) (blob.Key, error) {
	if e.s.outlived(c, e.now) { // this process stood still
		return "", fault.New(fault.Busy, "drive.adopt", "The server was interrupted. Send it again.")
	}
	id := c.key
	if id == "" {
		id = blob.Key(sqldb.NewID())
	}
	find := `SELECT b.id FROM blobs b WHERE b.sha256 = $1 AND b.size = $2 AND `
	right, rotten := find+`NOT `+damagedBlob, find+damagedBlob
	if e.Engine() == sqldb.Postgres {
		right += ` FOR SHARE` // garbage collection waits, or has removed it before
		rotten += ` FOR UPDATE`
	}
	for {
		var same blob.Key
		if c.known {
			err := e.Row(ctx, right, []any{c.sha256, c.size}, (*string)(&same))
			return same, err
		}
		n, err := e.Exec(ctx, insertBlob+` ON CONFLICT DO NOTHING`, blobArgs(id, c, e.now)...)
		if err != nil {
			return "", err
		}
		if n == 1 {
			return id, nil
		}
		err = e.Row(ctx, right, []any{c.sha256, c.size}, (*string)(&same))
		if sqldb.NoRow(err) {
			err = e.Row(ctx, rotten, []any{c.sha256, c.size}, (*string)(&same))
			if err == nil && same != id {
				e.after = append(e.after, func() { e.s.mended(same, id, c.size) })
				return id, e.s.mend(ctx, e.Tx, same, id, c)
			}
		}
		if sqldb.NoRow(err) {
			continue
		}
		if c.key != "" && same != c.key { // the copy that was just sealed is not needed
			e.after = append(e.after, func() { e.s.discard(c.key) })
		}
		return same, err
	}
}

// outlived reports whether gc may have taken content that no row names yet.
func (s *Drives) outlived(c content, now time.Time) bool {
	return !c.sealed.IsZero() && now.Sub(c.sealed) > s.o.GCGrace/2
}

const insertBlob = `INSERT INTO blobs (id, sha256, size, content, created_at) VALUES ($1, $2, $3, $4, $5)`

func blobArgs(id blob.Key, c content, now time.Time) []any {
	return []any{string(id), c.sha256, c.size, sqldb.Bytes(c.small), sqldb.Micros(now)}
}

// insert adds a node's row and tells its folder.
func (e *edit) insert(ctx context.Context, n Node) error {
	if _, err := ParsePath(string(n.Path)); err != nil {
		return err // too deep or too long to be asked for
	}
	if e.Engine() == sqldb.Postgres { // one round trip for both
		var children int
		err := e.Row(ctx, `WITH made AS (`+insertNode+`) UPDATE nodes SET children = children + 1, revision = revision + 1, modified_at = $14 WHERE id = $3 RETURNING children`,
			append(e.nodeArgs(n), sqldb.Micros(e.now)), &children)
		if err != nil {
			return err
		}
		return crowded(children)
	}
	if err := e.grow(ctx, n.ParentID, 1); err != nil {
		return err
	}
	_, err := e.Exec(ctx, insertNode, e.nodeArgs(n)...)
	return err
}

const insertNode = `INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, blob_id, sha256, size, media_type, created_at, modified_at, revision)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

func (e *edit) nodeArgs(n Node) []any {
	var blobID any
	if !n.Folder {
		blobID = string(n.blob)
	}
	return []any{n.ID, e.drive, n.ParentID, n.Name, nameKey(n.Name), n.Folder, blobID, sqldb.Bytes(n.SHA256), n.Size, n.MediaType,
		sqldb.Micros(n.Created), sqldb.Micros(n.Modified), n.Revision}
}

// grow counts a folder's children up or down; that is a change of the folder itself.
func (e *edit) grow(ctx context.Context, folderID string, by int) error {
	var children int
	err := e.Row(ctx, `UPDATE nodes SET children = children + $2, revision = revision + 1, modified_at = $3 WHERE id = $1 RETURNING children`,
		[]any{folderID, by, sqldb.Micros(e.now)}, &children)
	if err != nil {
		return err
	}
	if by < 0 {
		return nil
	}
	return crowded(children)
}

// crowded refuses one child more than a folder holds.
func crowded(children int) error {
	if children > MaxChildren {
		return fault.New(fault.TooLarge, "drive.grow", fmt.Sprintf("A folder holds at most %d files and folders.", MaxChildren)).WithCode("folder_full")
	}
	return nil
}

// mediaType guesses by the name's extension; what it doesn't know is application/octet-stream (RFC 2046, section 4.5.1).
func mediaType(name string) string {
	if t := mime.TypeByExtension(strings.ToLower(path.Ext(name))); t != "" {
		return t
	}
	return "application/octet-stream"
}

// discard removes bytes that no row names any more. What fails stays for gc.
func (s *Drives) discard(key blob.Key) {
	if err := s.blobs.Remove(context.Background(), key); err != nil {
		s.o.Log.Warn("bytes without a row are left for gc", "blob", key, "error", err)
	}
}

// storeError gives a blob store's error its kind.
func storeError(err error, op string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, blob.ErrFull):
		return &fault.Error{Kind: fault.Full, Op: op, Code: "storage_full", Public: "The server's storage is full.", Err: err}
	case errors.Is(err, blob.ErrAway):
		return &fault.Error{Kind: fault.Busy, Op: op, Code: "storage_away", Public: "The server's storage does not answer. Try again.", Err: err}
	}
	return fault.Wrap(err, op)
}
