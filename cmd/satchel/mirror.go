package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// Results of a file that is there and not here.
const (
	trashed    client.How = "trashed"
	wouldTrash client.How = "would_trash"
)

// mirrorFolder is walkFolder after which, if nothing failed, what is there and not here goes to the trash. What is there is what was there before
// anything was sent: nobody's new files are among it.
func (m *mover) mirrorFolder(ctx context.Context, local, target string, o putOptions) error {
	if !o.empty {
		if err := m.holdsFiles(ctx, local, target, o); err != nil {
			return err
		}
	}
	var surplus []client.Node
	tree := client.LocalTree{Root: local, To: target, Follow: o.follow, Look: true, Surplus: func(n client.Node) {
		surplus = append(surplus, client.Node{Path: n.Path, Folder: n.Folder, ETag: n.ETag})
	}}
	if err := m.walkFolder(ctx, tree, o); err != nil {
		return err
	}
	m.last = func(ctx context.Context) error {
		slices.SortFunc(surplus, func(a, b client.Node) int { return strings.Compare(a.Path, b.Path) })
		return m.trash(ctx, surplus, o.dry)
	}
	return nil
}

// holdsFiles refuses a folder without a file that would be sent. What cannot be read is told by the walk that follows.
func (m *mover) holdsFiles(ctx context.Context, local, target string, o putOptions) error {
	found := false
	err := m.c.Walk(ctx, client.LocalTree{Root: local, To: target, Follow: o.follow}, func(f client.Found) bool {
		found = f.Err != nil && !errors.Is(f.Err, client.ErrSkipped) || f.Err == nil && !f.Info.IsDir()
		return !found
	})
	if err == nil && !found {
		err = fault.New(fault.Precondition, "put", fmt.Sprintf("%s holds no file, so all that is in %s would go to the trash. If that is meant, say --allow-empty.", local, target)).WithCode("empty_source")
	}
	return err
}

// trash moves what is there and not here to the trash, some at once.
func (m *mover) trash(ctx context.Context, surplus []client.Node, dry bool) error {
	jobs, ctx := errgroup.WithContext(ctx)
	jobs.SetLimit(m.n)
	for _, n := range surplus {
		name := n.Path
		if n.Folder {
			name += "/"
		}
		if dry {
			m.look.listed(wouldTrash, name)
			continue
		}
		jobs.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			err := m.c.RemoveUnchanged(ctx, n)
			switch {
			case err == nil:
				m.mu.Lock()
				m.sum.Trashed++
				m.mu.Unlock()
				m.look.listed(trashed, name)
			case ctx.Err() != nil, client.Away(err), fault.Is(err, fault.Unauthenticated):
				return err
			default:
				m.refuse(name, err)
			}
			return nil
		})
	}
	return jobs.Wait()
}
