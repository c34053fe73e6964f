package drive

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Exported is one file or folder of an export, or a version of a file.
type Exported struct {
	// Path is where it is in the export: names that are joined by slashes, none of them empty, "." or "..", as CheckName has it.
	Path     string
	Folder   bool
	Size     int64 // bytes; 0 for a folder
	Modified time.Time
	// Gone says that it was removed for good while the export ran, before its turn came. It has no content then.
	Gone bool
}

// What an export has, as the first name of every path.
const (
	ExportFiles    = "files"     // the tree
	ExportTrash    = "trash"     // what was removed, each below a name of its own
	ExportVersions = "versions"  // what files held before, in a folder for each file
	ExportChanged  = "meanwhile" // what was made, changed or moved while the export ran, as it was at the end
)

// exportBatch is how many nodes an export reads at a time.
const exportBatch = 256

// maxMeanwhile bounds what may change while an export runs and be told at its end.
const maxMeanwhile = 100_000

// Export calls fn for all that a drive holds, folders before what is in them: the tree, and with all the trash and earlier versions. The content, nil for a
// folder, is whole, and closed when fn returns. No row, connection or snapshot is held while fn runs, so it may wait for a slow client.
//
// Everything that is there all the time is in it. A file that changes meanwhile is there as it was at one moment. What was moved, made or changed meanwhile is
// there once more, as it is at the end, below ExportChanged. An error ends it: what was told until then is not the whole. NotFound; Busy, if more changed
// than can be told.
func (s *Drives) Export(ctx context.Context, driveID string, all bool, fn func(x Exported, content blob.Content) error) error {
	if err := unlimited(ctx, driveID); err != nil {
		return fault.Wrap(err, "drive.Export")
	}
	x := &exporter{s: s, drive: driveID, all: all, fn: fn}
	return fault.Wrap(x.run(ctx), "drive.Export")
}

// ExportPaths is Export for some files and folders as they are, without trash and versions: what it tells of each begins with its name, or for the drive
// itself with ExportFiles. What is moved or made meanwhile may be missing. NotFound; two that have one name are Invalid, with code "same_name".
func (s *Drives) ExportPaths(ctx context.Context, driveID string, paths []Path, fn func(x Exported, content blob.Content) error) error {
	var all []Node
	names := map[string]bool{}
	for _, p := range paths {
		n, err := s.Stat(ctx, driveID, p)
		if err == nil && names[nameKey(n.Name)] {
			err = fault.New(fault.Invalid, "drive.ExportPaths", "Two of them have the same name.").WithCode("same_name")
		}
		if err != nil {
			return fault.Wrap(err, "drive.ExportPaths")
		}
		names[nameKey(n.Name)] = true
		all = append(all, n)
	}
	x := &exporter{s: s, drive: driveID, fn: fn}
	for _, n := range all {
		tell := x.node
		if n.Folder {
			tell = x.tree
		}
		if err := tell(ctx, n, cmp.Or(n.Name, ExportFiles)); err != nil {
			return fault.Wrap(err, "drive.ExportPaths")
		}
	}
	return nil
}

type exporter struct {
	s     *Drives
	drive string
	all   bool
	fn    func(x Exported, content blob.Content) error
}

func (x *exporter) run(ctx context.Context) error {
	var began int64
	if err := x.s.db.Row(ctx, `SELECT sequence FROM drives WHERE id = $1`, []any{x.drive}, &began); err != nil {
		return err
	}
	top, err := x.s.Stat(ctx, x.drive, Root)
	if err != nil {
		return err
	}
	if err := x.tree(ctx, top, ExportFiles); err != nil {
		return err
	}
	if x.all {
		if err := x.trash(ctx); err != nil {
			return err
		}
	}
	return x.meanwhile(ctx, began)
}

// tree tells a node and all below it. at is where it is in the export.
func (x *exporter) tree(ctx context.Context, top Node, at string) error {
	for place, done := "", false; !done; {
		var nodes []Node
		err := x.s.db.Read(ctx, func(tx *sqldb.Tx) (err error) {
			d := &descent{q: tx, top: top, levels: MaxDepth, skip: func(string) bool { return false }}
			nodes, place, done, err = d.next(ctx, place, exportBatch)
			return err
		})
		if err != nil {
			return err
		}
		versioned, err := x.versioned(ctx, nodes)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			below := strings.TrimPrefix(string(n.Path), strings.TrimSuffix(string(top.Path), "/"))
			if n.ID == top.ID {
				below = ""
			}
			if err := x.node(ctx, n, at+below); err != nil {
				return err
			}
			if versioned[n.ID] {
				if err := x.versions(ctx, n, ExportVersions+"/"+at+below); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (x *exporter) node(ctx context.Context, n Node, at string) error {
	told := Exported{Path: at, Folder: n.Folder, Size: n.Size, Modified: n.Modified}
	if n.Folder {
		return x.fn(told, nil)
	}
	content, err := x.open(ctx, &n)
	if fault.Is(err, fault.NotFound) {
		told.Gone = true
		return x.fn(told, nil)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	told.Size, told.Modified = n.Size, n.Modified
	return x.fn(told, content)
}

// open opens a file, as it is now if what it held before is gone. NotFound if it is gone itself.
func (x *exporter) open(ctx context.Context, n *Node) (blob.Content, error) {
	for range 5 {
		content, err := x.s.openBlob(ctx, n.blob, n.Size)
		if !missing(err) {
			return content, err
		}
		var row nodeRow
		if err := x.s.db.Row(ctx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.id = $1 AND n.drive_id = $2`, []any{n.ID, x.drive}, row.dest()...); err != nil {
			return nil, err
		}
		if row.blob.String == string(n.blob) {
			return nil, fmt.Errorf("file %s: its content %s is missing", n.ID, n.blob)
		}
		n.fill(row.node(x.drive, n.Path))
	}
	return nil, fault.New(fault.Busy, "drive.Export", "A file changes too fast to be read.")
}

// versioned answers which of some nodes have versions.
func (x *exporter) versioned(ctx context.Context, nodes []Node) (map[string]bool, error) {
	if !x.all {
		return nil, nil
	}
	var ids []string
	for _, n := range nodes {
		if !n.Folder {
			ids = append(ids, n.ID)
		}
	}
	found := map[string]bool{}
	err := eachByID(ctx, x.s.db, `SELECT DISTINCT node_id FROM versions WHERE node_id`, ids, func(scan sqldb.Scan) error {
		var id string
		err := scan(&id)
		found[id] = true
		return err
	})
	return found, err
}

// versions tells what a file held before, oldest first, below at.
func (x *exporter) versions(ctx context.Context, n Node, at string) error {
	all, err := sqldb.All(ctx, x.s.db, `SELECT `+versionColumns+` FROM versions v JOIN blobs b ON b.id = v.blob_id
		WHERE v.node_id = $1 ORDER BY v.revision, v.created_at`, []any{n.ID}, scanVersion)
	if err != nil {
		return err
	}
	for _, v := range all {
		told := Exported{Path: at + "/" + versionName(n.Name, v), Size: v.Size, Modified: v.Modified}
		content, err := x.s.openBlob(ctx, v.blob, v.Size)
		if missing(err) { // newer versions have taken its place
			told.Gone = true
			err = x.fn(told, nil)
		} else if err == nil {
			err = x.fn(told, content)
			content.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// versionName is when the content was replaced, with the file's extension if that is short. The id keeps it apart from others.
func versionName(name string, v Version) string {
	extension := path.Ext(name)
	if len(extension) > 16 {
		extension = ""
	}
	return v.Replaced.UTC().Format("2006-01-02T150405Z") + "-" + v.ID + extension
}

// trash tells what was removed, in the order in which it was. Each has a folder of its own: many may have one name.
func (x *exporter) trash(ctx context.Context) error {
	for at, after := int64(-1), ""; ; {
		var removed []Node
		err := x.s.db.Each(ctx, `SELECT t.path, t.trashed_at, `+nodeColumns+` FROM trash t JOIN nodes n ON n.id = t.node_id
			WHERE t.drive_id = $1 AND (t.trashed_at, t.node_id) > ($2, $3) ORDER BY t.trashed_at, t.node_id LIMIT $4`,
			[]any{x.drive, at, after, exportBatch}, func(scan sqldb.Scan) error {
				var row nodeRow
				var was string
				err := scan(append([]any{&was, &at}, row.dest()...)...)
				removed, after = append(removed, row.node(x.drive, Path(was))), row.id.String
				return err
			})
		if err != nil || len(removed) == 0 {
			return err
		}
		for _, n := range removed {
			if err := x.tree(ctx, n, ExportTrash+"/"+n.ID+"/"+n.Name); err != nil {
				return err
			}
		}
	}
}

// meanwhile tells what changed since the export began. What was moved may not have been told, where it was moved from a part of the tree that was to come
// into one that had been told.
func (x *exporter) meanwhile(ctx context.Context, began int64) error {
	changed, err := x.changedSince(ctx, began)
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(changed))
	for id := range changed {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		at, err := locate(ctx, x.s.db, x.drive, id)
		if fault.Is(err, fault.NotFound) {
			if err := x.trashedMeanwhile(ctx, id); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		above := at.chain[:max(0, len(at.chain)-1)]
		if slices.ContainsFunc(above, func(l link) bool { return changed[l.id] }) {
			continue // it is told with that folder
		}
		if err := x.tree(ctx, *at.node, ExportChanged+string(at.path)); err != nil {
			return err
		}
	}
	return nil
}

// trashedMeanwhile tells a node that is in the trash now, and may not have been when the trash was told.
func (x *exporter) trashedMeanwhile(ctx context.Context, id string) error {
	if !x.all {
		return nil
	}
	var row nodeRow
	var was string
	err := x.s.db.Row(ctx, `SELECT t.path, `+nodeColumns+` FROM trash t JOIN nodes n ON n.id = t.node_id WHERE t.node_id = $1 AND t.drive_id = $2`,
		[]any{id, x.drive}, append([]any{&was}, row.dest()...)...)
	if sqldb.NoRow(err) {
		return nil // it is gone, or in a folder that is in the trash and is told by itself
	}
	if err != nil {
		return err
	}
	return x.tree(ctx, row.node(x.drive, Path(was)), ExportChanged+"/"+ExportTrash+"/"+id+"/"+row.name.String)
}

// changedSince answers the nodes that got content or a place after a change of the drive, and whether they are folders.
func (x *exporter) changedSince(ctx context.Context, began int64) (map[string]bool, error) {
	changed := map[string]bool{}
	last := began
	err := x.s.db.Each(ctx, `SELECT sequence, node_id, kind, folder FROM changes WHERE drive_id = $1 AND sequence > $2 ORDER BY sequence`,
		[]any{x.drive, began}, func(scan sqldb.Scan) error {
			var sequence int64
			var id, kind string
			var folder bool
			if err := scan(&sequence, &id, &kind, &folder); err != nil {
				return err
			}
			if last++; sequence != last || len(changed) >= maxMeanwhile {
				return fault.New(fault.Busy, "drive.Export", "More changed while it was read than can be told.")
			}
			switch ChangeKind(kind) {
			case ChangePurged, ChangeTouched:
			default:
				changed[id] = changed[id] || folder
			}
			return nil
		})
	return changed, err
}
