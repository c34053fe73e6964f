package crowd

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding"
	"fmt"
	"mime"
	"path"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// piece is content with its row.
type piece struct {
	id     string
	sha256 []byte
	bytes  []byte
}

// sharedPieces is how many contents are in many drives.
const sharedPieces = 50

func (f *filling) content(bytes []byte, at time.Time) piece {
	sum := sha256.Sum256(bytes)
	p := piece{f.at(at), sum[:], bytes}
	f.rows.row("blobs", p.id, p.sha256, len(bytes), bytes, sqldb.Micros(at))
	return p
}

// directory is a folder of a tree.
type directory struct {
	id, parent, name, path string
	born, grown            time.Time
	children, revision     int
}

// tree is a drive that files are put into.
type tree struct {
	number   int
	id       string
	born     time.Time
	step     time.Duration // between two changes
	files    int
	crowded  int // of them are in folders[1]
	folders  []*directory
	changes  int // all of them
	pruned   int
	sequence int
	oldest   int64 // when the oldest change happened that is not forgotten
	used     int
	reserved int
	uploads  int
	last     node
}

type node struct{ id, folder, name, path string }

// filesAFolder is how many files most folders have.
const filesAFolder = 25

// kept is how far back changes go: a server forgets those that are older than 30 days.
const kept = 25 * 24 * time.Hour

func (f *filling) drive(i int, user string, born time.Time, files, crowded int) *tree {
	d := &tree{number: i, id: user, born: born, files: files, crowded: crowded}
	d.folders = []*directory{{id: f.at(born), path: "", born: born, grown: born, revision: 1}}
	n := max(1, (files-crowded)/filesAFolder)
	for k := 0; k < files; k++ {
		d.changes += len(lives(k))
	}
	if crowded > 0 {
		n++
	}
	d.changes += n
	d.pruned = max(0, d.changes-MaxChanges)
	since := f.Now.Add(-kept)
	if since.Before(born) {
		since = born
	}
	d.step = f.Now.Sub(since) / time.Duration(d.changes+1)
	for k := range n {
		parent, name := d.folders[0], fmt.Sprintf("Project %03d", k)
		switch {
		case crowded > 0 && k == 0:
			name = LargeFolder[1:]
		case k > 4:
			parent = d.folders[1+(k-5)/4+min(1, crowded)]
		}
		at := d.now(f)
		made := &directory{id: f.at(at), parent: parent.id, name: name, path: parent.path + "/" + name, born: at, grown: at, revision: 1}
		d.folders = append(d.folders, made)
		parent.grow(at, 1)
		f.change(d, made.id, "created", made.path, at, true, "", "", parent.id, nil)
	}
	return d
}

// now is when the next change of the drive happens.
func (d *tree) now(f *filling) time.Time {
	return f.Now.Add(-d.step * time.Duration(d.changes-d.sequence)).Truncate(time.Microsecond)
}

func (d *directory) grow(at time.Time, by int) {
	d.children += by
	d.revision++
	d.grown = at
}

func (f *filling) change(d *tree, nodeID, kind, path string, at time.Time, folder bool, fromID, fromName, parentID string, held []byte) {
	d.sequence++
	if d.sequence == d.pruned+1 {
		d.oldest = sqldb.Micros(at)
	}
	if d.sequence > d.pruned {
		f.rows.row("changes", d.id, d.sequence, nodeID, kind, path, sqldb.Micros(at), folder, fromID, fromName, parentID, nullable(held))
	}
}

func nullable(b []byte) any { return sqldb.Bytes(b) }

// lives is what happens to a drive's k-th file, in order.
func lives(k int) []string {
	all := []string{"created"}
	if k%10 == 3 {
		all = append(all, "written")
	}
	if k%33 == 5 {
		all = append(all, "trashed")
	}
	return all
}

// file makes a drive's k-th file, with all that happens to it.
func (f *filling) file(d *tree, k int) {
	folder := d.folders[len(d.folders)-1]
	switch {
	case k < d.crowded:
		folder = d.folders[1]
	case len(d.folders) > 2:
		folder = d.folders[2+k%(len(d.folders)-2)]
	}
	name := fmt.Sprintf("%s %05d%s", [...]string{"report", "IMG", "notes", "Überblick", "table"}[k%5], k, [...]string{".txt", ".jpg", ".md", ".pdf", ".csv"}[k/5%5])
	n := node{folder: folder.id, name: name, path: folder.path + "/" + name}
	mediaType := mime.TypeByExtension(path.Ext(name))
	var born, at time.Time
	var is, was piece
	revision, parent := 1, any(folder.id)
	for _, what := range lives(k) {
		at = d.now(f)
		switch what {
		case "created":
			born, n.id, is = at, f.at(at), f.pieceOf(d, k, 1, at)
			folder.grow(at, 1)
			f.change(d, n.id, what, n.path, at, false, "", "", folder.id, nil)
			d.used += len(is.bytes)
		case "written":
			was, is = is, f.pieceOf(d, k, 2, at)
			f.rows.row("versions", f.at(at), d.id, n.id, was.id, len(was.bytes), mediaType, sqldb.Micros(born), revision, sqldb.Micros(at))
			revision++
			f.change(d, n.id, what, n.path, at, false, "", "", "", was.sha256)
			d.used += len(is.bytes)
		case "trashed":
			f.rows.row("trash", n.id, d.id, folder.id, n.path, sqldb.Micros(at))
			folder.grow(at, -1)
			revision++
			parent = nil
			f.change(d, n.id, what, n.path, at, false, folder.id, name, "", is.sha256)
		}
	}
	f.rows.row("nodes", n.id, d.id, parent, name, name, false, is.id, is.sha256, len(is.bytes), mediaType, 0, sqldb.Micros(born), sqldb.Micros(at), revision)
	f.files++
	if parent != nil {
		f.beside(d, k, n, is)
		d.last = n
	}
}

// pieceOf is what a file holds: its own, or what many have.
func (f *filling) pieceOf(d *tree, k, times int, at time.Time) piece {
	if k%20 == 9 && times == 1 {
		return f.shared[(d.number+k)%len(f.shared)]
	}
	text := fmt.Appendf(nil, "file %d of drive %d, written %d times\n", k, d.number, times)
	for range k % 4 {
		text = append(text, text[:min(len(text), 100)]...)
	}
	return f.content(text, at)
}

// beside is what some files have besides.
func (f *filling) beside(d *tree, k int, n node, is piece) {
	if k%50 == 2 {
		const namespace, name, value = "urn:example:tags", "colour", "green"
		f.rows.row("properties", n.id, namespace, name, value)
		d.used += len(namespace) + len(name) + len(value)
	}
	if k%25 == 6 { // it says that there is none
		f.rows.row("thumbnails", d.id, is.id, 0, 1, sqldb.Micros(f.Now))
	}
	if k%25 == 3 {
		one, five := sha1.Sum(is.bytes), md5.Sum(is.bytes)
		f.rows.row("checksums", d.id, is.id, one[:], five[:])
	}
}

// close ends a drive: its folders have what they will, and what is about files of it can be made.
func (f *filling) close(d *tree) {
	for i, folder := range d.folders {
		parent := any(folder.parent)
		if i == 0 {
			parent = nil
		}
		f.rows.row("nodes", folder.id, d.id, parent, folder.name, folder.name, true, nil, nil, 0, "", folder.children,
			sqldb.Micros(folder.born), sqldb.Micros(folder.grown), folder.revision)
	}
	if d.last.id != "" {
		f.transfers(d)
		f.opened(d)
		if d.number%10 == 1 {
			f.untold(d)
		}
	}
	f.rows.row("drives", d.id, d.folders[0].id, -1, d.used, d.reserved, d.uploads, d.sequence, d.pruned, sqldb.Micros(d.born), d.oldest)
}

// transfers are two uploads that became files, and in some drives one that has not, one that waits for its parts or one in chunks.
func (f *filling) transfers(d *tree) {
	for k := range 2 {
		at := f.Now.Add(-time.Duration(1+k) * time.Hour)
		f.upload(d, fmt.Sprintf("sent-%d.txt", k), "whole", at, 36, 36, nil, nil, d.last.id)
	}
	open := f.Now.Add(-30 * time.Minute)
	half, digest := []byte("the first half "), sha256.New()
	digest.Write(half)
	state, err := digest.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // its documentation knows of no error
	}
	if d.number%3 == 1 {
		f.upload(d, "on its way.txt", "whole", open, 30, len(half), state, half, "")
	}
	if d.number%10 == 3 {
		chunked := f.upload(d, "in-chunks", "chunked", open, -1, 2*len(half), nil, nil, "")
		for k := range 2 {
			chunk := f.upload(d, "", "partial", open, len(half), len(half), state, half, "")
			f.rows.row("upload_parts", chunked, k+1, chunk, fmt.Sprint(k+1))
		}
	}
	if d.number%10 == 2 {
		var parts []string
		for range 2 {
			parts = append(parts, f.upload(d, "", "partial", open, 30, len(half), state, half, ""))
		}
		joined := f.upload(d, "of parts.txt", "joined", open, -1, 0, nil, nil, parts[0])
		for k, part := range parts {
			f.rows.row("upload_parts", joined, k, part, "")
		}
	}
}

// upload makes an open one, or one that became the file of is; a joined one waits for that part.
func (f *filling) upload(d *tree, name, kind string, at time.Time, length, received int, digest, content []byte, is string) (id string) {
	id = f.at(at)
	ended, folder, folderID, mediaType := int64(0), "/", d.folders[0].id, "text/plain"
	nodeID, part := is, ""
	if kind == "joined" {
		nodeID, part = "", is
	}
	if nodeID != "" {
		ended = sqldb.Micros(at)
	} else {
		d.uploads++
		d.reserved += max(0, length)
	}
	if kind == "partial" {
		folderID, mediaType = "", ""
	}
	f.rows.row("uploads", id, d.id, folder, folderID, name, mediaType, 0, "rename", "filename "+name, kind, length, received, nullable(digest), nullable(content),
		nodeID, ended, sqldb.Micros(at), sqldb.Micros(at), sqldb.Micros(f.Now.Add(20*time.Hour)), 1, part)
	return id
}

// opened is what somebody has been given: links, and locks.
func (f *filling) opened(d *tree) {
	for k := range d.number % 3 {
		kind, nodeID := "download", d.last.id
		if k == 1 {
			kind, nodeID = "drop", d.folders[1].id
		}
		at := f.Now.Add(-time.Duration(10+k) * 24 * time.Hour)
		f.rows.row("shares", f.at(at), d.id, nodeID, kind, d.last.name, sqldb.Micros(f.Now.AddDate(0, 1, 0)), sqldb.Micros(at))
	}
	if d.number%50 == 2 {
		f.rows.row("locks", "opaquelocktoken:"+f.at(f.Now), d.id, d.last.id, d.id, d.last.path, false, false, "", int64(2*time.Hour/time.Microsecond),
			sqldb.Micros(f.Now.Add(2*time.Hour)))
	}
}

// untold is what the receiver of events has not taken, and is tried again later.
func (f *filling) untold(d *tree) {
	for k := range min(3, d.sequence) {
		at := sqldb.Micros(f.Now.Add(-time.Minute))
		f.rows.row("events", f.at(f.Now), d.id, d.sequence-k, d.last.id, "created", d.last.path, at, false, 36, "text/plain; charset=utf-8", nil, d.last.folder,
			"", "", at, 3, "the receiver did not answer")
	}
	f.rows.row("event_queues", d.id, 3, sqldb.Micros(f.Now.Add(2*time.Hour)))
}
