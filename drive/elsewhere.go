package drive

import (
	"context"

	"github.com/satchelhq/satchel/fault"
)

// minElsewhere is the size from which content is read elsewhere: of less the second connection costs more than it saves. It is above what a row may hold.
const minElsewhere = largestInline + 1

// Elsewhere is an address at which whoever has it reads a file's content from the blob store itself, with these two headers (Options.Elsewhere); empty if there
// is none. The node is one that was opened for the caller: nothing is asked again.
func (s *Drives) Elsewhere(ctx context.Context, n Node, contentType, disposition string) (string, error) {
	if s.o.Elsewhere == nil || n.Folder || n.Size < minElsewhere {
		return "", nil
	}
	address, err := s.o.Elsewhere(ctx, n.blob, contentType, disposition)
	return address, fault.Wrap(err, "drive.Elsewhere")
}
