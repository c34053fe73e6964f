package main

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
)

const (
	completionTime = 3 * time.Second // that a person waits who pressed Tab
	maxCompletions = 500
)

// completePaths offers paths of the drive to a shell. One who is not signed in is offered none.
func (a *atPrompt) completePaths(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	c, err := a.connect(0)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	folder, begun := path.Split(typed)
	var offers []string
	for n, err := range c.Children(ctx, client.Clean(folder)) {
		if err != nil || len(offers) == maxCompletions {
			break
		}
		if !strings.HasPrefix(n.Name, begun) || terminal(n.Name) != n.Name { // a shell would be typed what a stranger wrote
			continue
		}
		offer := folder + n.Name
		if n.Folder {
			offer += "/"
		}
		offers = append(offers, offer)
	}
	return offers, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// completeRemoteThenLocal is for commands whose last argument may be here.
func (a *atPrompt) completeRemoteThenLocal(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completePaths(cmd, args, typed)
}

// completeLocalThenRemote is the other way round.
func (a *atPrompt) completeLocalThenRemote(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completePaths(cmd, args, typed)
}
