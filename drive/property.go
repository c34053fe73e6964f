package drive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// The bounds of dead properties.
const (
	MaxProperties    = 200      // of one node
	MaxPropertyBytes = 64 << 10 // of all properties of one node, names and values
)

// Property is a WebDAV dead property (RFC 4918, section 4); Value is its inner XML as it was sent. Its bytes count against the quota.
type Property struct{ Namespace, Name, Language, Value string }

func (p Property) size() int {
	return len(p.Namespace) + len(p.Name) + len(p.Language) + len(p.Value)
}

// propertySize is Property.size in SQL, of the table alias p.
const propertySize = `octet_length(p.namespace) + octet_length(p.name) + octet_length(p.language) + octet_length(p.value)`

// propertiesAtOnce is how many bytes of properties one call of Properties answers, about.
const propertiesAtOnce = 4 << 20

// Properties answers the dead properties of nodes by their ids, of as many of them, from the first on, as fit in a few megabytes:
// n of them, and at least one.
func (s *Drives) Properties(ctx context.Context, nodes []Node) (of map[string][]Property, n int, err error) {
	ids := make([]string, len(nodes))
	for i := range nodes {
		ids[i] = nodes[i].ID
	}
	for n = len(ids); ; n = (n + 1) / 2 {
		of, err = s.properties(ctx, ids[:n], n == 1)
		if !errors.Is(err, errTooMuch) {
			return of, n, fault.Wrap(err, "drive.Properties")
		}
	}
}

func (s *Drives) properties(ctx context.Context, ids []string, all bool) (map[string][]Property, error) {
	of, size := map[string][]Property{}, 0
	err := eachByID(ctx, s.db, `SELECT p.node_id, p.namespace, p.name, p.language, p.value FROM properties p WHERE p.node_id`, ids, func(scan sqldb.Scan) error {
		var id string
		var p Property
		err := scan(&id, &p.Namespace, &p.Name, &p.Language, &p.Value)
		if size += len(p.Namespace) + len(p.Name) + len(p.Value); size > propertiesAtOnce && !all && err == nil {
			return errTooMuch
		}
		of[id] = append(of[id], p)
		return err
	})
	for _, properties := range of {
		slices.SortFunc(properties, func(a, b Property) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
	}
	return of, err
}

// PatchProperties sets and removes dead properties in one transaction; removing what is not there is no
// error. A modified that is not zero becomes the node's time. The ETag of a file stays. NotFound, Locked,
// Precondition; TooLarge over the bounds above; Full.
func (s *Drives) PatchProperties(ctx context.Context, driveID string, path Path, set, remove []Property, modified time.Time, g Guard) error {
	if err := checkProperties(set); err != nil {
		return fault.Wrap(err, "drive.PatchProperties")
	}
	return s.edit(ctx, "drive.PatchProperties", driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		node, err := at.found()
		if err != nil {
			return err
		}
		if err := e.check(ctx, g, &node); err != nil {
			return err
		}
		if err := e.unlocked(ctx, g.Tokens, contentOf(at)); err != nil {
			return err
		}
		_, before, err := e.countProperties(ctx, node.ID)
		if err != nil {
			return err
		}
		for _, p := range remove {
			if _, err := e.Exec(ctx, `DELETE FROM properties WHERE node_id = $1 AND namespace = $2 AND name = $3`, node.ID, p.Namespace, p.Name); err != nil {
				return err
			}
		}
		if err := e.setProperties(ctx, &node, set, modified, before); err != nil {
			return err
		}
		e.changed(ChangeTouched, node.ID, node.Path)
		return nil
	})
}

// checkProperties refuses a property that is too large whatever else a node has.
func checkProperties(set []Property) error {
	for _, p := range set {
		if p.size() > MaxPropertyBytes {
			return fault.New(fault.TooLarge, "drive.checkProperties", fmt.Sprintf("The properties of a file or folder hold at most %d bytes.", MaxPropertyBytes)).WithCode("property_too_large")
		}
	}
	return nil
}

// setProperties sets dead properties and, unless it is zero, the time of last change. before is how many bytes of properties the node
// had before the edit.
func (e *edit) setProperties(ctx context.Context, node *Node, set []Property, modified time.Time, before int64) error {
	for _, p := range set {
		if err := e.setProperty(ctx, node.ID, p); err != nil {
			return err
		}
	}
	after, err := e.fewProperties(ctx, node.ID, len(set))
	if err != nil {
		return err
	}
	if err := e.take(after - before); err != nil || modified.IsZero() {
		return err
	}
	node.Modified = modified
	_, err = e.Exec(ctx, `UPDATE nodes SET modified_at = $2 WHERE id = $1`, node.ID, sqldb.Micros(modified))
	return err
}

func (e *edit) setProperty(ctx context.Context, nodeID string, p Property) error {
	_, err := e.Exec(ctx, `INSERT INTO properties (node_id, namespace, name, language, value) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (node_id, namespace, name) DO UPDATE SET language = excluded.language, value = excluded.value`,
		nodeID, p.Namespace, p.Name, p.Language, p.Value)
	return err
}

// countProperties answers how many properties a node has, and their bytes.
func (e *edit) countProperties(ctx context.Context, nodeID string) (n int, size int64, err error) {
	err = e.Row(ctx, `SELECT COUNT(*), COALESCE(SUM(`+propertySize+`), 0) FROM properties p WHERE p.node_id = $1`, []any{nodeID}, &n, &size)
	return n, size, err
}

// fewProperties answers the bytes of a node's properties. If some were added there must not be too many.
func (e *edit) fewProperties(ctx context.Context, nodeID string, added int) (size int64, err error) {
	n, size, err := e.countProperties(ctx, nodeID)
	switch {
	case err != nil || added == 0:
		return size, err
	case size > MaxPropertyBytes:
		return 0, fault.New(fault.TooLarge, "drive.fewProperties", fmt.Sprintf("The properties of a file or folder hold at most %d bytes.", MaxPropertyBytes)).WithCode("property_too_large")
	case n > MaxProperties:
		return 0, fault.New(fault.TooLarge, "drive.fewProperties", fmt.Sprintf("A file or folder has at most %d properties.", MaxProperties)).WithCode("too_many_properties")
	}
	return size, nil
}

// dropProperties removes a node's properties and gives their bytes back.
func (e *edit) dropProperties(ctx context.Context, nodeID string) error {
	_, size, err := e.countProperties(ctx, nodeID)
	if err != nil || size == 0 {
		return err
	}
	if _, err := e.Exec(ctx, `DELETE FROM properties WHERE node_id = $1`, nodeID); err != nil {
		return err
	}
	return e.take(-size)
}
