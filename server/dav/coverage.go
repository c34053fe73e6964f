package dav

import (
	"slices"

	"github.com/satchelhq/satchel/drive"
)

// coverage tells which locks cover nodes: their own, and the deep ones around them.
type coverage struct {
	on map[string][]drive.Lock // by the node that they are on
	// handed are the deep locks that cover what is in a folder, by its id. They are one slice for all of its children: a thousand
	// locks on a folder of many thousand files are a thousand, not millions.
	handed map[string][]drive.Lock
}

func (c *coverage) of(n *drive.Node) []drive.Lock {
	if len(c.on) == 0 {
		return nil
	}
	all := c.around(n)
	if own := c.on[n.ID]; len(own) > 0 {
		all = slices.Concat(all, own)
		slices.SortFunc(all, byToken)
	}
	return all
}

// around are the deep locks on the folders above a node.
func (c *coverage) around(n *drive.Node) []drive.Lock {
	if n.Path == drive.Root {
		return nil
	}
	all, known := c.handed[n.ParentID]
	if known {
		return all
	}
	for _, locks := range c.on {
		for _, lock := range locks {
			if lock.Deep && n.Path.Parent().Within(lock.Path) {
				all = append(all, lock)
			}
		}
	}
	slices.SortFunc(all, byToken)
	if c.handed == nil {
		c.handed = map[string][]drive.Lock{}
	}
	c.handed[n.ParentID] = all
	return all
}

func byToken(a, b drive.Lock) int { return compare(a.Token, b.Token) }
