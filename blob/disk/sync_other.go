//go:build !linux

package disk

// Datasync is the system's full sync; on macOS that empties the drive's own cache as well.
func (f osFile) Datasync() error { return f.Sync() }

// StartWriteBack has no counterpart here: Datasync does all of the work.
func (osFile) StartWriteBack(offset, length int64) error { return nil }
