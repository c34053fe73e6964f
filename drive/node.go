package drive

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// Node is a file or a folder, as one moment saw it.
type Node struct {
	ID        string
	DriveID   string
	ParentID  string // empty for the root, and in the trash
	Name      string // as it was given; the root's is empty
	Path      Path   // where it is; spelled as stored, not as asked for
	Folder    bool
	Size      int64 // bytes; 0 for a folder
	MediaType string
	SHA256    []byte // of a file's content, 32 bytes
	Created   time.Time
	Modified  time.Time // the client's word where it gave one
	Revision  int64     // counts up with every change of content or place

	blob blob.Key
}

// Blob is the key of a file's content, for who keeps what it made of its bytes: these are the same as long as the key is, and others, or the same that came once more for
// damaged ones, have another.
func (n *Node) Blob() string { return string(n.blob) }

// ETag is a strong entity tag (RFC 9110, section 8.8.3), quotes included. A file's changes when and
// only when its content does; a folder's names the folder and its revision.
func (n *Node) ETag() string { return string(n.AppendETag(nil)) }

// AppendETag appends ETag to b.
func (n *Node) AppendETag(b []byte) []byte {
	b = append(b, '"')
	if n.Folder {
		b = append(append(b, n.ID...), '-')
		b = strconv.AppendInt(b, n.Revision, 36)
	} else {
		b = hex.AppendEncode(b, n.SHA256[:min(16, len(n.SHA256))])
	}
	return append(b, '"')
}

// fill gives a file the content of another.
func (n *Node) fill(from Node) {
	n.SHA256, n.Size, n.MediaType, n.Modified, n.blob = from.SHA256, from.Size, from.MediaType, from.Modified, from.blob
}

// Version is content that a file held before.
type Version struct {
	ID        string
	Size      int64
	MediaType string
	SHA256    []byte
	Modified  time.Time // of the content
	Replaced  time.Time // when newer content took its place

	nodeID string
	blob   blob.Key
}

// Change is what a transaction did to a node.
type Change struct {
	DriveID  string
	Sequence int64 // counts up by one within a drive
	NodeID   string
	Kind     ChangeKind
	Path     Path // after the change; of a removed node, where it was
	At       time.Time

	folder   bool // these three where the change is one of place
	from, to seat
	held     []byte // SHA-256 of what the file held before, where it was given other content or left the tree
}

// ChangeKind says what was done.
type ChangeKind string

const (
	ChangeCreated  ChangeKind = "created"
	ChangeWritten  ChangeKind = "written" // new content
	ChangeMoved    ChangeKind = "moved"
	ChangeTrashed  ChangeKind = "trashed"
	ChangeRestored ChangeKind = "restored"
	ChangePurged   ChangeKind = "purged"  // out of the trash for good
	ChangeTouched  ChangeKind = "touched" // times or properties
)
