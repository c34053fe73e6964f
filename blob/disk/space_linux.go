package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/satchelhq/satchel/blob"
)

// SpaceOf is statfs(2): the room on a folder's file system. Of a folder that is not there nothing is known, which is no error.
func SpaceOf(folder string) (blob.Space, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(folder, &fs)
	if errors.Is(err, unix.ENOENT) {
		return blob.Space{}, nil
	}
	if err != nil {
		return blob.Space{}, &os.PathError{Op: "statfs", Path: folder, Err: err}
	}
	return blob.Space{Free: int64(fs.Bavail) * int64(fs.Bsize), Total: int64(fs.Blocks) * int64(fs.Bsize)}, nil
}
