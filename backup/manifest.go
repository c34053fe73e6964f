package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// format is the form of a backup that this Satchel writes. It reads no later one.
const format = 1

// maxManifest bounds a manifest, in bytes.
const maxManifest = 1 << 20

// Manifest says what a backup is.
type Manifest struct {
	Format    int       `json:"format"`
	Moment    time.Time `json:"moment"` // everything that was answered before is in the backup
	Made      time.Time `json:"made"`   // when it was whole
	Satchel   string    `json:"satchel"`
	Database  string    `json:"database"` // the engine that it was
	Step      int       `json:"step"`     // of the schema
	Rows      File      `json:"rows"`
	Contents  File      `json:"contents"`
	Tables    []Table   `json:"tables"`
	Blobs     int       `json:"blobs"` // contents that are copied
	BlobBytes int64     `json:"blob_bytes"`
	Lacks     int       `json:"lacks,omitempty"`   // contents that were damaged or gone, and are in no backup of the place
	Lacking   []Lack    `json:"lacking,omitempty"` // the first of these, at most maxLacking
}

// maxLacking bounds the contents that a manifest names as lacking, so that it stays below maxManifest.
const maxLacking = 3000

// Lack is content that a backup does not have.
type Lack struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"` // in hexadecimal
	Size   int64  `json:"size"`
	Found  string `json:"found"` // what it was: "missing", "changed" or "unreadable"
}

// Names reports whether the manifest names content as lacking, or may have meant it where there was no room for more names.
func (m Manifest) Names(key string) bool {
	return m.Lacks > len(m.Lacking) || slices.ContainsFunc(m.Lacking, func(l Lack) bool { return l.Key == key })
}

// File is a file of a backup.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in hexadecimal
}

// Table is a table of the rows.
type Table struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // over its rows, the same whatever the engine (package sqldb/rowcopy)
}

// ReadManifest reads the manifest of a backup. fs.ErrNotExist if there is no backup of the name, or if it is not whole.
func ReadManifest(ctx context.Context, p Place, name string) (m Manifest, err error) {
	path := filepath.Join(p.Workshop(), name+manifestEnd)
	if err := p.Get(ctx, name+manifestEnd, path); err != nil {
		return m, fmt.Errorf("the manifest of backup %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	file, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer file.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && (m.Format < 1 || m.Format > format) {
		err = fmt.Errorf("it is of format %d, and this Satchel knows %d: use a newer one", m.Format, format)
	}
	if err != nil {
		return m, fmt.Errorf("the manifest of backup %s cannot be read: %w", name, err)
	}
	return m, nil
}

// FetchRows writes the rows of a backup, a SQLite database, to path, and compares them with its manifest.
func FetchRows(ctx context.Context, p Place, name, path string) (Manifest, error) {
	m, err := ReadManifest(ctx, p, name)
	if err != nil {
		return m, err
	}
	return m, m.Rows.fetch(ctx, p, name+rowsEnd, path)
}

// fetch gets a file, which has to be what the manifest says.
func (f File) fetch(ctx context.Context, p Place, name, path string) error {
	if err := p.Get(ctx, name, path); err != nil {
		return fmt.Errorf("%s of the backup: %w", name, err)
	}
	is, err := describe(path)
	if err == nil && is != f {
		err = fmt.Errorf("%s of the backup is not what its manifest says: %d bytes with SHA-256 %s, want %d with %s", name, is.Size, is.SHA256, f.Size, f.SHA256)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// describe says what a file is.
func describe(path string) (f File, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer file.Close() // it was only read
	digest := sha256.New()
	f.Size, err = io.Copy(digest, file)
	f.SHA256 = hex.EncodeToString(digest.Sum(nil))
	return f, err
}

// put writes the manifest, which makes the backup whole.
func (m Manifest) put(ctx context.Context, p Place, name string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(p.Workshop(), name+manifestEnd)
	if err := write(path, bytes.NewReader(append(text, '\n'))); err != nil {
		return err
	}
	return errors.Join(p.Put(ctx, name+manifestEnd, path), removeIfThere(path))
}
