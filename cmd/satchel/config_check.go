package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (p *program) configCommand() *cobra.Command {
	return group("config", "Settings", p.configCheckCommand())
}

func (p *program) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Print every setting with where it was set; fail if one is wrong",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			for _, s := range c.Settings() {
				fmt.Fprintf(table, "%s\t%s\t%s\n", s.Key, s.Value, s.From)
			}
			return table.Flush()
		},
	}
}
