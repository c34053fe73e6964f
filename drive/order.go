package drive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Sort is what a listing is sorted by.
type Sort string

const (
	SortName Sort = "name" // byte order of the NFC form
	SortSize Sort = "size"
	SortTime Sort = "time" // of last change
	SortKind Sort = "kind" // media type
)

// Order is how a listing is sorted. Folders come first, whatever it is; those without a size or a kind of their own are sorted by name then.
// What is equal is sorted by name. The zero Order is by name.
type Order struct {
	By         Sort
	Descending bool
}

// ParseSort reads a Sort; an empty text is SortName. Invalid.
func ParseSort(text string) (Sort, error) {
	switch by := Sort(text); by {
	case "":
		return SortName, nil
	case SortName, SortSize, SortTime, SortKind:
		return by, nil
	}
	return "", fault.New(fault.Invalid, "drive.ParseSort", "A listing is sorted by name, size, time or kind.").WithCode("invalid_sort")
}

// Listing is a part of what is in a folder.
type Listing struct {
	Folder   Node
	Children []Node
	Next     string // where the next part begins; empty on the last
}

// MaxList is how many children one List answers.
const MaxList = 1000

// List answers a folder and at most limit of its children (up to MaxList), folders first, from the place that an earlier List with the same
// order answered as Next, or from the beginning. A place holds what it was told of: nothing is there twice or left out for what came or went
// meanwhile.
//
// By name, a part costs what is in it. Any other order has no index, since that would be written with every file: a part reads the folder
// once (10,000 files in 5 to 30 ms) and keeps the rows that it answers.
//
// NotFound; a file is Invalid with code "is_file", a place that is none "invalid_place".
func (s *Drives) List(ctx context.Context, driveID string, path Path, o Order, after string, limit int) (l Listing, err error) {
	if o.By == "" {
		o.By = SortName
	}
	from, err := readPlace(after, o)
	if err != nil {
		return l, err
	}
	if l.Folder, err = s.Stat(ctx, driveID, path); err != nil {
		return l, fault.Wrap(err, "drive.List")
	}
	if !l.Folder.Folder {
		return l, fault.New(fault.Invalid, "drive.List", "This is a file, not a folder.").WithCode("is_file")
	}
	limit = max(1, min(limit, MaxList))
	r := ordered{folder: l.Folder, order: o, limit: limit + 1} // one more tells whether there is more
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		r.nodes = r.nodes[:0]
		return r.read(ctx, tx, from)
	})
	if err != nil {
		return l, fault.Wrap(err, "drive.List")
	}
	l.Children = r.nodes[:min(len(r.nodes), limit)]
	if len(r.nodes) > limit {
		l.Next = placeAfter(o, l.Children[limit-1])
	}
	return l, nil
}

// ordered reads children of a folder in an order.
type ordered struct {
	folder Node
	order  Order
	limit  int
	nodes  []Node
}

func (r *ordered) read(ctx context.Context, tx *sqldb.Tx, from *listPlace) error {
	if from == nil || from.Folder {
		if err := r.phase(ctx, tx, true, from); err != nil {
			return err
		}
		from = nil
	}
	if len(r.nodes) >= r.limit {
		r.nodes = r.nodes[:r.limit]
		return nil
	}
	err := r.phase(ctx, tx, false, from)
	r.nodes = r.nodes[:min(len(r.nodes), r.limit)]
	return err
}

// phase reads the folders, or the files.
func (r *ordered) phase(ctx context.Context, tx *sqldb.Tx, folders bool, from *listPlace) error {
	column := r.order.column(folders)
	if column == "" {
		if err := keepOrder(ctx, tx); err != nil { // there is an index that has them in order
			return err
		}
	}
	args := []any{r.folder.ID}
	if from != nil {
		switch {
		case column == "":
			args = append(args, from.Name)
		case r.order.By == SortKind:
			args = append(args, from.Name, from.Text)
		default:
			args = append(args, from.Name, from.Number)
		}
	}
	return tx.Each(ctx, r.query(column, folders, from != nil), args, func(scan sqldb.Scan) error {
		var row nodeRow
		if err := scan(row.dest()...); err != nil {
			return err
		}
		r.nodes = append(r.nodes, row.node(r.folder.DriveID, r.folder.Path.Join(row.name.String)))
		return nil
	})
}

// maxKind is how many characters of a media type are compared: all that a registered one has (RFC 6838, section 4.2).
const maxKind = 255

// column is what the order compares before the name; empty if that is all.
func (o Order) column(folders bool) string {
	switch {
	case o.By == SortTime:
		return "n.modified_at"
	case folders:
		return ""
	case o.By == SortSize:
		return "n.size"
	case o.By == SortKind:
		return "substr(n.media_type, 1, " + strconv.Itoa(maxKind) + ")"
	}
	return ""
}

// query has few texts, each with its limit in it: with a parameter SQLite would plan anew each time, and Postgres for any limit.
func (r *ordered) query(column string, folders, further bool) string {
	which, after, descending := "NOT n.folder", " > ", ""
	if folders {
		which = "n.folder"
	}
	if r.order.Descending && (column != "" || r.order.By == SortName) {
		after, descending = " < ", " DESC"
	}
	order := "n.name_key"
	switch {
	case column == "":
		order += descending
		if further {
			which += " AND n.name_key" + after + "$2"
		}
	default:
		order = column + descending + ", n.name_key"
		if further {
			which += " AND (" + column + after + "$3 OR " + column + " = $3 AND n.name_key > $2)"
		}
	}
	most := 101
	if r.limit > most {
		most = MaxList + 1
	}
	return `SELECT ` + nodeColumns + ` FROM nodes n WHERE n.parent_id = $1 AND ` + which + ` ORDER BY ` + order + ` LIMIT ` + strconv.Itoa(most)
}

// listPlace is the child after which a listing goes on, by what it is sorted by.
type listPlace struct {
	By         Sort   `json:"b"`
	Descending bool   `json:"d,omitempty"`
	Folder     bool   `json:"f,omitempty"`
	Name       string `json:"k"` // its key
	Number     int64  `json:"n,omitempty"`
	Text       string `json:"t,omitempty"`
}

func placeAfter(o Order, n Node) string {
	p := listPlace{By: o.By, Descending: o.Descending, Folder: n.Folder, Name: nameKey(n.Name)}
	switch o.By {
	case SortSize:
		p.Number = n.Size
	case SortTime:
		p.Number = sqldb.Micros(n.Modified)
	case SortKind:
		kind := []rune(n.MediaType)
		p.Text = string(kind[:min(len(kind), maxKind)])
	}
	return writePlace(p)
}

// maxPlace bounds the text of a place, in bytes: two names of four bytes a character, with all of it escaped.
const maxPlace = 8 << 10

func readPlace(text string, o Order) (*listPlace, error) {
	if text == "" {
		return nil, nil
	}
	var p listPlace
	if err := parsePlace(text, &p); err != nil {
		return nil, err
	}
	if p.By != o.By || p.Descending != o.Descending || !storable(p.Name) || !storable(p.Text) {
		return nil, invalidPlace()
	}
	return &p, nil
}

func writePlace(p any) string {
	text, err := json.Marshal(p)
	if err != nil { // a struct of texts and numbers
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePlace(text string, into any) error {
	if len(text) > maxPlace {
		return invalidPlace()
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, into) != nil {
		return invalidPlace()
	}
	return nil
}

func invalidPlace() error {
	return fault.New(fault.Invalid, "drive.place", "This is no place to go on from. Begin without one.").WithCode("invalid_place")
}
