package backup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// Place is where backups are. Whoever has it has it to himself, until it is closed.
type Place interface {
	// Content is the store that all backups of the place share. checks says that it compares what it is sent with sums that come along,
	// so that a copy need not be read back.
	Content() (store blob.Store, checks bool)

	// Files are the names of the files beside it, in no order.
	Files(ctx context.Context) ([]string, error)
	// Put makes a copy of the file at path one of the place's, whole or not at all. It is durable when Put returns, and the file at path may be gone.
	Put(ctx context.Context, name, path string) error
	// Get writes a file of the place to path, where there is none. fs.ErrNotExist if the place has no such file.
	Get(ctx context.Context, name, path string) error
	// Remove removes a file. One that is not there is no error.
	Remove(ctx context.Context, name string) error

	// Workshop is an empty folder of this machine in which files are made before they are put. It goes with the place.
	Workshop() string
	Close() error
}

// ErrBusy says that another process has a place.
var ErrBusy = errors.New("another satchel backup, restore or drill is at work there")

// NameFormat is how the moment of a backup, in UTC, becomes its name. If the place has a name of a later moment, it is a millisecond behind that.
const NameFormat = "20060102T150405.000Z"

// What the files of a backup end with.
const (
	rowsEnd     = ".db"
	contentsEnd = ".contents"
	manifestEnd = ".json"
)

// Names are the backups that are whole, from the oldest on.
func Names(ctx context.Context, p Place) ([]string, error) {
	files, err := p.Files(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if name, end := split(file); end == manifestEnd {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// split is the backup that a file belongs to, and what it is of that. Both are empty if it belongs to none.
func split(file string) (name, end string) {
	for _, end := range []string{rowsEnd, contentsEnd, manifestEnd} {
		name, ok := strings.CutSuffix(file, end)
		if _, err := time.Parse(NameFormat, name); ok && err == nil {
			return name, end
		}
	}
	return "", ""
}
