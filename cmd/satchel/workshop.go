package main

import (
	"os"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/preview"
)

// workshopName is the command that the server starts itself, to decode what strangers sent.
const workshopName = "preview-workshop"

// workshopCommand is how the server starts it. Where the system knows the running program by itself that is taken, so that one that
// was replaced on disk still finds its own.
func workshopCommand() []string {
	if runtime.GOOS == "linux" {
		return []string{"/proc/self/exe", workshopName}
	}
	self, err := os.Executable()
	if err != nil {
		return nil // there are no previews then
	}
	return []string{self, workshopName}
}

func (p *program) workshopCommand() *cobra.Command {
	return &cobra.Command{
		Use:    workshopName + " BYTES",
		Short:  "Decode what serve hands over, in at most so much memory",
		Hidden: true,
		Args:   usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			memory, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || memory <= 0 {
				return usagef("%q is no number of bytes", args[0])
			}
			return preview.Serve(p.stdin, p.stdout, memory)
		},
	}
}
