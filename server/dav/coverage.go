package dav

import (
	"slices"

	"github.com/satchelhq/satchel/drive"
)

// coverage tells which locks cover nodes that come a folder before what is in it: their own, and the deep ones around them.
type coverage struct {
	on map[string][]drive.Lock // by the node that they are on
	// handed are the deep locks that cover what is in a folder, by its id. They are one slice for all of its children: a thousand
	// locks on a folder of many thousand files are a thousand, not millions.
	handed map[string][]drive.Lock
}

// begin takes up the first node, and the locks on folders around it.
func (c *coverage) begin(top drive.Node) {
	if len(c.on) == 0 {
		return
	}
	var around []drive.Lock
	for id, locks := range c.on {
		for _, lock := range locks {
			if id != top.ID && lock.Deep && top.Path.Within(lock.Path) {
				around = append(around, lock)
			}
		}
	}
	slices.SortFunc(around, byToken)
	c.handed = map[string][]drive.Lock{top.ParentID: around}
}

// of answers the locks that cover a node.
func (c *coverage) of(n *drive.Node) []drive.Lock {
	if len(c.on) == 0 {
		return nil
	}
	all := c.handed[n.ParentID]
	if own := c.on[n.ID]; len(own) > 0 {
		all = slices.Concat(all, own)
		slices.SortFunc(all, byToken)
	}
	if n.Folder && len(all) > 0 {
		if slices.ContainsFunc(all, func(l drive.Lock) bool { return !l.Deep }) {
			c.handed[n.ID] = slices.DeleteFunc(slices.Clone(all), func(l drive.Lock) bool { return !l.Deep })
		} else {
			c.handed[n.ID] = all
		}
	}
	return all
}

func byToken(a, b drive.Lock) int { return compare(a.Token, b.Token) }
