package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Datasync is fdatasync(2): content and length, without the times.
func (f osFile) Datasync() error {
	return f.system("fdatasync", unix.Fdatasync)
}

// StartWriteBack is sync_file_range(2) with SYNC_FILE_RANGE_WRITE alone. It promises nothing;
// Datasync does. Where a sandbox has no such call nothing is lost but time.
func (f osFile) StartWriteBack(offset, length int64) error {
	err := f.system("sync_file_range", func(fd int) error {
		return unix.SyncFileRange(fd, offset, length, unix.SYNC_FILE_RANGE_WRITE)
	})
	for _, absent := range []error{unix.ENOSYS, unix.EPERM, unix.EINVAL, unix.EOPNOTSUPP} {
		if errors.Is(err, absent) {
			return nil
		}
	}
	return err
}

// system makes a system call on the descriptor while it cannot be closed, again if a signal cut in.
func (f osFile) system(op string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = call(int(fd)); failed != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if failed != nil {
		return &os.PathError{Op: op, Path: f.Name(), Err: failed}
	}
	return nil
}
