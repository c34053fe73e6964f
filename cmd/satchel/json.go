package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

// jsonFlag lets a command print one JSON object a line.
func (a *atPrompt) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.json, "json", false, "one JSON object a line")
}

func (a *atPrompt) printJSON(v any) error {
	return json.NewEncoder(jsonForTerminal{a.stdout}).Encode(v)
}
