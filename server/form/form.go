package form

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// The bounds of one form.
const (
	maxParts = 1000     // files, and inputs beside them
	maxInput = 64 << 10 // bytes of an input that is no file
)

// Target is where the files go.
type Target struct {
	Drives   *drive.Drives
	DriveID  string
	Folder   drive.Path
	Conflict drive.Conflict // what happens to a file whose name is taken
	MaxSize  int64          // bytes of the largest file; 0 leaves it to the drive
	// Before, if set, is asked before a file is stored, and refuses it by an error. undo is called if it is not stored after all.
	Before func() (undo func(), err error)
	// Input, if set, is told the inputs that are no files. A value is at most 64 KiB long.
	Input func(name, value string)
}

// Store stores the files of a request's form in a folder, each as its last byte has come. A body that breaks off loses the file that it broke
// off in: what was stored before is answered with the error. Invalid for a body that is no form, and
// with code "no_file"; all that drive.Put refuses.
func Store(r *http.Request, to Target) (stored []drive.Node, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, fault.As(fault.Invalid, "form.Store", err)
	}
	for range maxParts {
		part, err := form.NextPart()
		if err == io.EOF {
			if len(stored) == 0 {
				return nil, fault.New(fault.Invalid, "form.Store", "Choose a file first.").WithCode("no_file")
			}
			return stored, nil
		}
		if err != nil {
			return stored, broken(err)
		}
		name := fileName(part)
		if name == "" { // an input that is no file, or a picker that was left empty
			value, err := input(part)
			if err != nil {
				return stored, err
			}
			if to.Input != nil {
				to.Input(part.FormName(), value)
			}
			continue
		}
		node, err := store(r.Context(), part, to, name)
		if err != nil {
			return stored, err
		}
		stored = append(stored, node)
	}
	return stored, fault.New(fault.TooLarge, "form.Store", fmt.Sprintf("A form takes at most %d files at once.", maxParts)).WithCode("too_many_files")
}

// input is the value of an input that is no file.
func input(part *multipart.Part) (string, error) {
	value, err := io.ReadAll(io.LimitReader(part, maxInput+1))
	if err != nil {
		return "", broken(err)
	}
	if len(value) > maxInput {
		return "", fault.New(fault.TooLarge, "form.Store", "")
	}
	return string(value), nil
}

func store(ctx context.Context, part *multipart.Part, to Target, name string) (drive.Node, error) {
	if err := drive.CheckName(name); err != nil {
		return drive.Node{}, err
	}
	path, err := drive.ParsePath(string(to.Folder.Join(name)))
	if err != nil {
		return drive.Node{}, err
	}
	undo := func() {}
	if to.Before != nil {
		if undo, err = to.Before(); err != nil {
			return drive.Node{}, err
		}
	}
	var from io.Reader = body{part}
	if to.MaxSize > 0 {
		from = &bounded{from, to.MaxSize}
	}
	node, _, err := to.Drives.Put(ctx, to.DriveID, path, from, drive.PutOptions{Size: -1, MediaType: mediaType(part), Conflict: to.Conflict})
	if err != nil {
		undo()
	}
	return node, err
}

// bounded ends with TooLarge after so many bytes.
type bounded struct {
	io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.TooLarge, "form.Store", "A file is larger than what is taken here.").WithCode("file_too_large")
	}
	return n, err
}

// body reads a part of a form; an end of the form inside the part is a broken body, not an end.
type body struct{ part io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.part.Read(p)
	if err != nil && err != io.EOF {
		err = broken(err)
	}
	return n, err
}

func broken(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return &fault.Error{Kind: fault.Invalid, Op: "form.Store", Code: "body_truncated", Public: "The upload broke off.", Err: err}
}

// fileName is a part's file name without folders; empty if it has none. Browsers write a quotation mark in it as
// %22 (HTML, section 4.10.21.8).
func fileName(part *multipart.Part) string {
	return strings.ReplaceAll(part.FileName(), "%22", `"`)
}

// mediaType is what the browser says about a part. What it does not know is told from the name.
func mediaType(part *multipart.Part) string {
	media, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if err != nil || media == "application/octet-stream" {
		return ""
	}
	return mime.FormatMediaType(media, params)
}
