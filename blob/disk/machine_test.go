package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/satchelhq/satchel/blob"
)

// machine is a computer with a disk, as far as a store can see it. What was written is in the
// page cache; a power cut leaves what was synced, and of the rest what the test chooses.
//
// Names are changed in the cache as well, each change waits in a queue, and syncing a folder
// makes the changes of that folder alone durable. A rename may therefore leave both names, but never
// neither: that much is held by journals, by copy-on-write and by soft updates alike.
type machine struct {
	plan  plan
	calls int
	dead  bool // the process is: no call does anything any more

	names map[string]*inode // as the process sees them
	disk  map[string]*inode // as the next power cut leaves them
	queue []change          // what lies between the two, in order
}

type inode struct {
	folder bool
	data   []byte
	dirty  []bool // which bytes of data the kernel has yet to write
	disk   []byte
}

// change gives names to inodes, or takes them away (nil).
type change map[string]*inode

// plan says at which call what goes wrong. The zero plan never does.
type plan struct {
	at   int // counted from 1
	then string
	err  error // what a failing call answers; errDisk if nil
}

const (
	failing    = "the call fails"
	dieBefore  = "killed before the call"
	dieAfter   = "killed after the call"
	dieHalfway = "killed halfway through a write"
)

var (
	errDead = errors.New("the process is dead")
	errDisk = errors.New("input/output error")
)

func newMachine() *machine {
	root := &inode{folder: true}
	return &machine{names: map[string]*inode{"/": root}, disk: map[string]*inode{"/": root}}
}

// call runs do, or what is planned in its place. half is what a failing call leaves behind.
func (m *machine) call(do func() error, half func()) error {
	if m.dead {
		return errDead
	}
	m.calls++
	if m.calls != m.plan.at {
		return do()
	}
	switch m.plan.then {
	case failing:
		half()
		if m.plan.err != nil {
			return m.plan.err
		}
		return errDisk
	case dieHalfway:
		half()
	case dieAfter:
		_ = do() // there is nobody to tell
	}
	m.dead = true
	return errDead
}

func nothing() {}

// restart is the next process. It goes wrong as p says.
func (m *machine) restart(p plan) {
	m.plan, m.calls, m.dead = p, 0, false
}

// cut is a power cut. The first `journaled` of the changes that wait reach the disk, and the
// content of files as keep says.
func (m *machine) cut(journaled int, keep func(*inode) []byte) {
	for _, c := range m.queue[:journaled] {
		c.apply(m.disk)
	}
	m.queue = nil
	for name := range m.disk {
		for dir := filepath.Dir(name); ; dir = filepath.Dir(dir) {
			if m.disk[dir] == nil { // a name in a folder that does not exist is lost
				delete(m.disk, name)
				break
			}
			if dir == "/" {
				break
			}
		}
	}
	after := map[*inode]*inode{} // two names of one file stay so
	m.names = map[string]*inode{}
	for name, n := range m.disk {
		if after[n] == nil {
			data := bytes.Clone(keep(n))
			after[n] = &inode{folder: n.folder, data: data, disk: bytes.Clone(data), dirty: make([]bool, len(data))}
		}
		m.names[name] = after[n]
	}
	m.disk = maps.Clone(m.names)
}

// What a power cut may leave of a file.
var leftovers = map[string]func(*inode) []byte{
	"synced content": func(n *inode) []byte { return n.disk },
	"all content":    func(n *inode) []byte { return n.data },
	"length, zeros where unsynced": func(n *inode) []byte {
		torn := bytes.Clone(n.data)
		for i := range torn {
			if n.dirty[i] {
				torn[i] = 0
			}
		}
		return torn
	},
}

func (c change) apply(names map[string]*inode) {
	for name, n := range c {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

// in parts the changes within a folder from the others.
func (c change) in(dir string) (here, elsewhere change) {
	here, elsewhere = change{}, change{}
	for name, n := range c {
		if filepath.Dir(name) == dir {
			here[name] = n
		} else {
			elsewhere[name] = n
		}
	}
	return here, elsewhere
}

// adds reports whether c gives a name rather than taking one away.
func (c change) adds() bool {
	for _, n := range c {
		if n != nil {
			return true
		}
	}
	return false
}

func (m *machine) change(c change) {
	c.apply(m.names)
	m.queue = append(m.queue, c)
}

func (m *machine) Create(name string) (f file, err error) {
	err = m.call(func() error {
		if m.names[name] != nil {
			return fs.ErrExist
		}
		n := &inode{}
		m.change(change{name: n})
		f = handle{m, n}
		return nil
	}, nothing)
	return f, err
}

func (m *machine) Edit(name string) (f file, err error) {
	err = m.call(func() error {
		if m.names[name] == nil {
			return fs.ErrNotExist
		}
		f = handle{m, m.names[name]}
		return nil
	}, nothing)
	return f, err
}

func (m *machine) Open(name string) (c blob.Content, err error) {
	err = m.call(func() error {
		if m.names[name] == nil {
			return fs.ErrNotExist
		}
		c = reader{bytes.NewReader(m.names[name].data)}
		return nil
	}, nothing)
	return c, err
}

func (m *machine) Exists(name string) (is bool, err error) {
	err = m.call(func() error {
		is = m.names[name] != nil
		return nil
	}, nothing)
	return is, err
}

func (m *machine) Mkdir(name string) error {
	return m.call(func() error {
		if m.names[name] != nil {
			return fs.ErrExist
		}
		m.change(change{name: {folder: true}})
		return nil
	}, nothing)
}

func (m *machine) Rename(from, to string) error {
	return m.call(func() error {
		n := m.names[from]
		if n == nil || m.names[filepath.Dir(to)] == nil {
			return fs.ErrNotExist
		}
		if m.names[to] != n { // two names of one file stay as they are: rename(2)
			m.change(change{from: nil, to: n})
		}
		return nil
	}, nothing)
}

func (m *machine) Remove(name string) error {
	return m.call(func() error {
		if m.names[name] == nil {
			return fs.ErrNotExist
		}
		m.change(change{name: nil})
		return nil
	}, nothing)
}

func (m *machine) SyncDir(dir string) error {
	return m.call(func() error {
		var rest []change
		for _, c := range m.queue {
			now, later := c.in(dir)
			if len(now) > 0 && len(later) > 0 && !now.adds() {
				now, later = nil, c // the new name has to come first, and its folder was not synced
			}
			now.apply(m.disk)
			if len(later) > 0 {
				rest = append(rest, later)
			}
		}
		m.queue = rest
		return nil
	}, nothing)
}

type handle struct {
	m *machine
	n *inode
}

func (h handle) WriteAt(p []byte, off int64) (n int, err error) {
	write := func(p []byte) {
		end := int(off) + len(p)
		h.resize(max(end, len(h.n.data)))
		n = copy(h.n.data[off:], p)
		for i := int(off); i < end; i++ {
			h.n.dirty[i] = true
		}
	}
	err = h.m.call(
		func() error { write(p); return nil },
		func() { write(p[:len(p)/2]) },
	)
	return n, err
}

func (h handle) CopyAt(from io.Reader, n, offset int64) (int64, error) {
	p, err := io.ReadAll(io.LimitReader(from, n))
	if err != nil {
		return 0, err
	}
	done, err := h.WriteAt(p, offset)
	if err == nil && len(p) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return int64(done), err
}

func (h handle) resize(size int) {
	h.n.data = slices.Concat(h.n.data, make([]byte, size))[:size]
	h.n.dirty = slices.Concat(h.n.dirty, make([]bool, size))[:size]
}

func (h handle) Truncate(size int64) error {
	return h.m.call(func() error { h.resize(int(size)); return nil }, nothing)
}

func (h handle) Size() (size int64, err error) {
	err = h.m.call(func() error { size = int64(len(h.n.data)); return nil }, nothing)
	return size, err
}

func (h handle) StartWriteBack(_, _ int64) error {
	return h.m.call(func() error { return nil }, h.drop)
}

func (h handle) Datasync() error {
	return h.m.call(func() error {
		was := h.n.disk
		h.n.disk = make([]byte, len(h.n.data))
		copy(h.n.disk, was)
		for i, dirty := range h.n.dirty {
			if dirty {
				h.n.disk[i], h.n.dirty[i] = h.n.data[i], false
			}
		}
		return nil
	}, h.drop)
}

// drop is what Linux does when a sync fails: it takes the pages for clean, and the next sync,
// which has nothing to write, succeeds.
func (h handle) drop() { clear(h.n.dirty) }

func (h handle) Close() error { return h.m.call(func() error { return nil }, nothing) }

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }
