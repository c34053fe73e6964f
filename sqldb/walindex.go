package sqldb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// walIndex tells without a query whether anybody, in this process or another, has committed to a SQLite database. It looks at the
// header of the shared memory by which SQLite's own connections see that (the WAL-index, sqlite.org/walformat.html, section 2):
// a commit has changed it before it is answered, and no two states of a database have the same one.
type walIndex struct {
	mu   sync.RWMutex // held for reading while memory is read
	file *os.File     // nil once closed
	data []byte       // nil if it could not be mapped, and once closed
	last atomic.Pointer[indexState]
	turn sync.Mutex // of who counts epoch up
}

// indexHeader is one of the header's two copies: change counter, length and checksum of the log, salts.
type indexHeader [6]uint64

// indexState is a header that was seen, and its number: the first counts every commit, the second those that may have changed what
// NewMemo calls settled.
type indexState struct {
	header indexHeader
	epochs [2]uint64
}

const (
	indexHeaderSize = int(unsafe.Sizeof(indexHeader{})) // 48 bytes
	indexVersion    = 3007000                           // of the format: the first field
)

// openWALIndex maps the shared memory of the database at path. Where that cannot be done, epoch knows nothing. What was opened stays
// open until close, when no connection is left: it would take SQLite's locks with it.
func openWALIndex(ctx context.Context, db *DB, path string) (*walIndex, error) {
	var tables int // the first read makes the memory
	if err := db.Row(ctx, "SELECT COUNT(*) FROM sqlite_schema", nil, &tables); err != nil {
		return nil, err
	}
	x := &walIndex{}
	path, err := filepath.EvalSymlinks(path) // as SQLite does
	if err != nil {
		return x, nil
	}
	if x.file, err = os.Open(path + "-shm"); err != nil {
		return x, nil
	}
	if info, err := x.file.Stat(); err != nil || info.Size() < int64(2*indexHeaderSize) {
		return x, nil
	}
	if data, err := unix.Mmap(int(x.file.Fd()), 0, 2*indexHeaderSize, unix.PROT_READ, unix.MAP_SHARED); err == nil {
		x.data = data
	}
	return x, nil
}

// epoch is a number that is another one after each commit of anybody, or after each that may have changed what is settled. It is not
// known (false) while the header is being written, and after close.
func (x *walIndex) epoch(settled bool) (uint64, bool) {
	if x == nil {
		return 0, false
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.data == nil {
		return 0, false
	}
	kind := 0
	if settled {
		kind = 1
	}
	// SQLite writes the first copy last, so it is old only as long as the commit is not answered.
	if last := x.last.Load(); last != nil && last.header == x.header(0) {
		return last.epochs[kind], true
	}
	x.turn.Lock()
	defer x.turn.Unlock()
	now, ok := x.whole()
	if !ok {
		return 0, false
	}
	last := x.last.Load()
	switch {
	case last == nil:
		last = &indexState{header: now, epochs: [2]uint64{1, 1}}
	case last.header != now:
		last = &indexState{header: now, epochs: [2]uint64{last.epochs[0] + 1, last.epochs[1] + 1}}
	}
	x.last.Store(last)
	return last.epochs[kind], true
}

// whole is the header, and false while it is being written.
func (x *walIndex) whole() (indexHeader, bool) {
	now := x.header(0)
	return now, now == x.header(1) && (uint32(now[0]) == indexVersion || uint32(now[0]>>32) == indexVersion)
}

// committing runs commit, which ends a transaction of this process that changed nothing of what is settled. The transaction is open:
// nobody else can commit meanwhile.
func (x *walIndex) committing(commit func() error) error {
	if x == nil {
		return commit()
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.data == nil {
		return commit()
	}
	x.turn.Lock() // who sees the new header waits until it is numbered
	defer x.turn.Unlock()
	last := x.last.Load()
	before, ok := x.whole()
	err := commit()
	after, whole := x.whole()
	// Once it is committed somebody else may commit before the header is looked at.
	alone := after.changes() == before.changes()+1
	if err == nil && ok && whole && last != nil && last.header == before && alone {
		x.last.Store(&indexState{header: after, epochs: [2]uint64{last.epochs[0] + 1, last.epochs[1]}})
	}
	return err
}

// changes is SQLite's count of commits that changed something.
func (h indexHeader) changes() uint32 { return (*[2 * len(h)]uint32)(unsafe.Pointer(&h))[2] }

// header reads a copy of the header. A word that another process writes meanwhile is the old or the new one.
func (x *walIndex) header(copy int) (h indexHeader) {
	for i := range h {
		h[i] = atomic.LoadUint64((*uint64)(unsafe.Pointer(&x.data[copy*indexHeaderSize+8*i])))
	}
	return h
}

// close is called when the database's connections are closed.
func (x *walIndex) close() error {
	if x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	var err error
	if x.data != nil {
		err, x.data = unix.Munmap(x.data), nil
	}
	if x.file != nil {
		err, x.file = errors.Join(err, x.file.Close()), nil
	}
	return err
}
