package moving

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/text/unicode/norm"
)

// A manifest is JSON, one object a line: manifestHead, an Entry for each file and folder of an export in no order that matters, and manifestEnd, without
// which it is not whole.
type manifestHead struct {
	Satchel string    `json:"satchel"` // manifestKind
	Version int       `json:"version"`
	User    string    `json:"user"`
	Begun   time.Time `json:"begun"`
}

type manifestEnd struct {
	End     bool `json:"end"`
	Entries int  `json:"entries"`
}

const (
	manifestKind    = "manifest"
	manifestVersion = 1
	maxManifestLine = 64 << 10 // a path of 4096 bytes, each escaped, and the rest
)

// Entry is a file or folder of an export.
type Entry struct {
	Path     string    `json:"path"` // below the folder, with slashes
	Folder   bool      `json:"folder,omitempty"`
	Size     int64     `json:"size"`
	SHA256   string    `json:"sha256,omitempty"` // hexadecimal
	Type     string    `json:"type,omitempty"`   // media type
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// is says why an entry does not let a file or folder in; nil if it does. There may be no entry.
func (e *Entry) is(folder bool) error {
	switch {
	case e == nil:
		return errors.New("it is not in the manifest")
	case folder && !e.Folder:
		return errors.New("it is a folder here and a file in the manifest")
	case e.Folder && !folder:
		return errors.New("it is a file here and a folder in the manifest")
	case !folder && len(e.SHA256) != 2*sha256.Size:
		return errors.New("the manifest has no SHA-256 of it")
	}
	return nil
}

// manifestWriter writes one, which has its name when it is whole. It also keeps two exports from one folder.
type manifestWriter struct {
	name  string
	file  *os.File
	claim *flock.Flock
	mu    sync.Mutex
	to    *bufio.Writer
	n     int
}

func newManifest(name, user string) (*manifestWriter, error) {
	// Whoever may write to the folder that it is in could have put a link there, to a file that is none of theirs.
	w := &manifestWriter{name: name, claim: flock.New(name+".half", flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK))}
	ours, err := w.claim.TryLock()
	if err == nil && !ours {
		err = fmt.Errorf("another satchel export is at work: %s.half is its own", name)
	}
	if err != nil {
		return nil, err
	}
	if w.file, err = openHalf(name + ".half"); err != nil {
		return nil, errors.Join(err, w.claim.Close())
	}
	w.to = bufio.NewWriter(w.file)
	return w, w.line(manifestHead{manifestKind, manifestVersion, user, time.Now().UTC().Truncate(time.Second)})
}

// openHalf empties a file that is there, which nobody else may read from then on.
func openHalf(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err == nil {
		err = file.Chmod(0o600)
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (w *manifestWriter) line(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = w.to.Write(append(line, '\n'))
	}
	return err
}

func (w *manifestWriter) add(e Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	return w.line(e)
}

// finish gives it its name.
func (w *manifestWriter) finish() error {
	err := w.line(manifestEnd{true, w.n})
	if err == nil {
		err = w.to.Flush()
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		err = os.Rename(w.name+".half", w.name)
	}
	return errors.Join(err, w.close())
}

// close leaves it as it is.
func (w *manifestWriter) close() error { return errors.Join(w.file.Close(), w.claim.Close()) }

// Manifest is what an export holds, as it was written. In memory is where each entry stands in the file, some 50 bytes.
type Manifest struct {
	file *os.File
	mu   sync.Mutex
	at   map[pathKey]int64
}

// pathKey stands for a path whose names may come back taken apart (NFD) from some file systems.
type pathKey [16]byte

func keyOf(path string) pathKey {
	sum := sha256.Sum256([]byte(norm.NFC.String(path)))
	return pathKey(sum[:16])
}

// OpenManifest reads what an export wrote.
func OpenManifest(name string) (_ *Manifest, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
		}
	}()
	m := &Manifest{file: file, at: map[pathKey]int64{}}
	lines := bufio.NewReaderSize(file, maxManifestLine)
	var head manifestHead
	first, err := lines.ReadSlice('\n')
	if err != nil || json.Unmarshal(first, &head) != nil || head.Satchel != manifestKind {
		return nil, errors.New("it is no manifest of satchel export")
	}
	if head.Version != manifestVersion {
		return nil, fmt.Errorf("it is a manifest of version %d, and this Satchel reads version %d", head.Version, manifestVersion)
	}
	for offset := int64(len(first)); ; {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return nil, errors.New("it is not whole: it has no end")
		}
		var entry struct {
			Path string `json:"path"`
			manifestEnd
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			return nil, fmt.Errorf("at byte %d: %w", offset, err)
		}
		if entry.End {
			if entry.Entries != len(m.at) {
				return nil, fmt.Errorf("it is not whole: it has %d entries of %d", len(m.at), entry.Entries)
			}
			return m, nil
		}
		m.at[keyOf(entry.Path)] = offset
		offset += int64(len(line))
	}
}

// Close closes the file.
func (m *Manifest) Close() error { return m.file.Close() }

// names reports whether a path was not taken yet. Where there is no manifest, m is nil and names nothing.
func (m *Manifest) names(path string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.at[keyOf(path)]
	return ok
}

// take answers the entry of a path, once. nil if there is none.
func (m *Manifest) take(path string) (*Entry, error) {
	m.mu.Lock()
	key := keyOf(path)
	offset, ok := m.at[key]
	delete(m.at, key)
	m.mu.Unlock()
	if !ok {
		return nil, nil
	}
	return m.read(offset)
}

func (m *Manifest) read(offset int64) (*Entry, error) {
	line, err := bufio.NewReaderSize(io.NewSectionReader(m.file, offset, maxManifestLine), 4<<10).ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var e Entry
	return &e, json.Unmarshal(bytes.TrimSpace(line), &e)
}

// rest calls fn for what was not taken, in the order of the manifest.
func (m *Manifest) rest(fn func(*Entry)) error {
	offsets := make([]int64, 0, len(m.at))
	for _, offset := range m.at {
		offsets = append(offsets, offset)
	}
	slices.Sort(offsets)
	for _, offset := range offsets {
		e, err := m.read(offset)
		if err != nil {
			return err
		}
		fn(e)
	}
	return nil
}

// ManifestOf is where the manifest of a folder is, unless it is said otherwise: beside it.
func ManifestOf(folder string) string { return filepath.Clean(folder) + ".manifest.jsonl" }
