package drive

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Rewound is what a rewind does, or did. What is in a folder goes along with it and is not counted.
type Rewound struct {
	To     Moment    // the last change that stays in force
	Before Moment    // the drive's moment that was looked at: a rewind to it takes this one back
	Reach  time.Time // the earliest moment that a drive can be rewound to

	Restored  Rewinding // come back: from the trash, or from what took their content over
	Moved     Rewinding // go back to their place or name
	Removed   Rewinding // were not there then: go to the trash
	Rewritten Rewinding // get the content that they had; what they hold becomes a version
	Displaced Rewinding // their folder is gone for good, or in them by now: they stay where they are, or come back in the drive's top folder
	Gone      Rewinding // were removed for good
	Stale     Rewinding // files that stay as they are, because what they held is not kept any more

	// Obstacle is why a rewind would be refused now (Locked, Full); nil after a rewind. It is not wrapped.
	Obstacle error
}

// Rewinding are the nodes with which one thing happens.
type Rewinding struct {
	Count int
	Some  []RewindItem // the first of them by path, at most MaxRewindItems
}

// RewindItem is one of them.
type RewindItem struct {
	Path   Path // where it is when the rewind is done; where it was, of what does not come back or goes to the trash
	From   Path // where it is before that, if elsewhere; empty in the trash
	Folder bool
}

// Nothing reports whether a rewind changes nothing.
func (r Rewound) Nothing() bool {
	return r.Restored.Count+r.Moved.Count+r.Removed.Count+r.Rewritten.Count+r.Displaced.Count == 0
}

// answer tells what the plan does, or did.
func (p *rewindPlan) answer(ctx context.Context) (Rewound, error) {
	r := Rewound{To: p.then, Before: p.now, Reach: p.reach}
	var restored, moved, removed, rewritten, displaced []RewindItem
	for _, a := range p.acts {
		item := RewindItem{Path: a.landed, Folder: a.folder}
		present := a.node != nil && p.present(a.id)
		if present {
			item.From = p.pathNow(a.id)
		}
		switch {
		case a.to == seat{}:
			item.From = ""
			removed = append(removed, item)
		case a.away:
			displaced = append(displaced, item)
		case present:
			moved = append(moved, item)
		default:
			restored = append(restored, item)
		}
	}
	for _, id := range p.held {
		path := p.pathNow(id)
		displaced = append(displaced, RewindItem{Path: path, From: path, Folder: true})
	}
	for _, w := range p.writes {
		item := RewindItem{Path: p.pathAfter(w.node.ID)}
		if p.present(w.node.ID) {
			item.From = p.pathNow(w.node.ID)
		}
		if item.From == item.Path {
			item.From = ""
		}
		rewritten = append(rewritten, item)
	}
	for _, c := range []struct {
		to    *Rewinding
		items []RewindItem
	}{{&r.Restored, restored}, {&r.Moved, moved}, {&r.Removed, removed}, {&r.Rewritten, rewritten}, {&r.Displaced, displaced}, {&r.Gone, p.lost}, {&r.Stale, p.stale}} {
		slices.SortFunc(c.items, func(a, b RewindItem) int { return strings.Compare(string(a.Path), string(b.Path)) })
		c.to.Count, c.to.Some = len(c.items), slices.Clone(c.items[:min(len(c.items), MaxRewindItems)])
	}
	return r, ctx.Err()
}
