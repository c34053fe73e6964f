package hooks

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
)

// event is a row of the table events.
type event struct {
	id, drive, node, path string
	sequence              int64
	kind                  drive.ChangeKind
	at, since             time.Time
	folder                bool
	size                  int64
	mediaType             string
	sha256                []byte
	parent, from, oldName string
	tries                 int
	failure               string
	dead                  time.Time
}

const eventColumns = `id, drive_id, sequence, node_id, kind, path, at, folder, size, media_type, sha256, parent_id, from_id, from_name, since, tries, failure, dead_at`

func scanEvent(scan sqldb.Scan) (e event, err error) {
	var at, since, dead int64
	err = scan(&e.id, &e.drive, &e.sequence, &e.node, (*string)(&e.kind), &e.path, &at, &e.folder, &e.size, &e.mediaType, &e.sha256, &e.parent, &e.from, &e.oldName,
		&since, &e.tries, &e.failure, &dead)
	e.at, e.since, e.dead = sqldb.Time(at), sqldb.Time(since), sqldb.Time(dead)
	return e, err
}

// word is "file" or "folder".
func (e event) word() string {
	if e.folder {
		return "folder"
	}
	return "file"
}

// title is the event's type, such as file.created.
func (e event) title() string { return e.word() + "." + string(e.kind) }

// payload is what the receiver gets. docs/webhooks.md describes it; what is not known is left out.
type payload struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      payloadData `json:"data"`
}

type payloadData struct {
	Drive     string `json:"drive"`
	User      string `json:"user,omitempty"`
	Sequence  int64  `json:"sequence"`
	Node      string `json:"node"`
	Path      string `json:"path"`
	Kind      string `json:"kind"`
	Size      *int64 `json:"size,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Parent    string `json:"parent,omitempty"`
	From      *place `json:"from,omitempty"`
}

// place is where a node was.
type place struct {
	Parent string `json:"parent"`
	Name   string `json:"name"`
}

// body is the event as it is sent; user is the name of whose drive it is, empty if the account is gone.
func (e event) body(user string) ([]byte, error) {
	data := payloadData{Drive: e.drive, User: user, Sequence: e.sequence, Node: e.node, Path: e.path, Kind: e.word(), MediaType: e.mediaType,
		SHA256: hex.EncodeToString(e.sha256), Parent: e.parent}
	if !e.folder && e.size >= 0 {
		data.Size = &e.size
	}
	if e.from != "" {
		data.From = &place{e.from, e.oldName}
	}
	return json.Marshal(payload{e.title(), e.at.UTC(), data})
}
