package tusd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"mime"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/moving"
)

const (
	infoSuffix = ".info"
	maxInfo    = 1 << 20 // bytes; metadata comes in a header

	maxMediaType = 255 // bytes, as of WebDAV's PUT
)

// Uploads are the uploads in a folder of tusd's, in the order of their ids. Finished ones come; of the others it is said why not. What is outside of the folder
// is not read, whatever is written in it.
func Uploads(folder string) iter.Seq2[moving.Piece, error] {
	return func(yield func(moving.Piece, error) bool) {
		root, err := os.OpenRoot(folder)
		if err != nil {
			yield(moving.Piece{}, err)
			return
		}
		defer root.Close()
		err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil && (name == "." || d == nil) {
				return err
			}
			if err != nil { // a folder that is somebody else's, such as lost+found, or gone by now
				if !yield(moving.Piece{From: name, Failed: fmt.Errorf("it cannot be read: %w", err)}, nil) {
					return fs.SkipAll
				}
				return fs.SkipDir
			}
			if !d.Type().IsRegular() || !strings.HasSuffix(name, infoSuffix) {
				return nil
			}
			if !yield(read(root, folder, name), nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(moving.Piece{}, err)
		}
	}
}

// read reads one upload.
func read(root *os.Root, folder, name string) moving.Piece {
	p := moving.Piece{From: strings.TrimSuffix(name, infoSuffix)}
	info, err := readInfo(root, name)
	if err != nil {
		p.Failed = fmt.Errorf("its %s cannot be read: %w", infoSuffix, err)
		return p
	}
	file, size, err := content(root, folder, p.From, info)
	if err != nil {
		p.Failed = fmt.Errorf("its content cannot be read: %w", err)
		return p
	}
	switch {
	case info.IsPartial:
		p.Left = errors.New("a part of another upload")
	case info.SizeIsDeferred:
		p.Left = fmt.Errorf("not finished: %d bytes came, and nobody said how many there are", size.Size())
	case size.Size() < info.Size:
		p.Left = fmt.Errorf("not finished: %d bytes of %d came", size.Size(), info.Size)
	case size.Size() > info.Size:
		p.Failed = fmt.Errorf("its file holds %d bytes and its %s says %d", size.Size(), infoSuffix, info.Size)
	}
	p.Name, p.MediaType, p.Modified = named(info, p.From), mediaType(info), size.ModTime()
	p.Open = func() (*os.File, error) { return os.OpenInRoot(folder, file) }
	return p
}

func readInfo(root *os.Root, name string) (info handler.FileInfo, err error) {
	stat, err := root.Stat(name)
	if err != nil {
		return info, err
	}
	if stat.Size() > maxInfo {
		return info, fmt.Errorf("it is larger than %d bytes", maxInfo)
	}
	text, err := root.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &info)
	}
	if err == nil && info.ID == "" {
		err = errors.New("it names no upload")
	}
	return info, err
}

// content finds the file with the bytes: beside the info, or where a hook of tusd's put it, if that is in the folder.
func content(root *os.Root, folder, beside string, info handler.FileInfo) (string, fs.FileInfo, error) {
	stat, err := root.Lstat(filepath.FromSlash(beside))
	if errors.Is(err, fs.ErrNotExist) {
		elsewhere := info.Storage[filestore.StorageKeyPath]
		if !filepath.IsAbs(elsewhere) {
			return "", nil, err
		}
		top, abs := filepath.Abs(folder)
		within, rel := filepath.Rel(top, elsewhere)
		if abs != nil || rel != nil || !filepath.IsLocal(within) {
			return "", nil, fmt.Errorf("it is at %s, outside of the folder", elsewhere)
		}
		beside = within
		stat, err = root.Lstat(within)
	}
	if err == nil && !stat.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	return beside, stat, err
}

// named is what a client called its file, or the id of the upload.
func named(info handler.FileInfo, id string) string {
	for _, key := range []string{"filename", "name"} {
		name := info.MetaData[key]
		name = name[strings.LastIndexAny(name, `/\`)+1:]
		if drive.CheckName(name) == nil {
			return name
		}
	}
	return path.Base(filepath.ToSlash(id))
}

// mediaType is what a client called the type, if it is one. tusd takes any text for it.
func mediaType(info handler.FileInfo) string {
	for _, key := range []string{"filetype", "type"} {
		base, parameters, err := mime.ParseMediaType(info.MetaData[key])
		if err == nil && len(info.MetaData[key]) <= maxMediaType && strings.Contains(base, "/") {
			return mime.FormatMediaType(base, parameters)
		}
	}
	return ""
}
