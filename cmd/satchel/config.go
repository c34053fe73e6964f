package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/config"
)

func (p *program) configCommand() *cobra.Command {
	return group("config", "Settings", p.configCheckCommand(), p.configReferenceCommand())
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

func (p *program) configReferenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reference",
		Short: "Print the page of all settings, with their defaults and what they want, in Markdown",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return config.WriteReference(p.stdout) },
	}
}
