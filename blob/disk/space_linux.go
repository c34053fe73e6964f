package disk

import (
	"golang.org/x/sys/unix"

	"github.com/satchelhq/satchel/blob"
)

// spaceOf is statfs(2); the zero space if that fails.
func spaceOf(folder string) blob.Space {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return blob.Space{}
	}
	return blob.Space{Free: int64(fs.Bavail) * int64(fs.Bsize), Total: int64(fs.Blocks) * int64(fs.Bsize)}
}
