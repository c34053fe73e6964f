package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// maxParts bounds the parts of one form: files, and inputs beside them.
const maxParts = 1000

// upload stores the files of a form (RFC 7578) in a folder, each as its last byte has come, under the next free
// name if its own is taken. A body that breaks off loses the file that it broke off in.
func (h *Web) upload(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path) error {
	form, err := r.MultipartReader()
	if err != nil {
		return fault.As(fault.Invalid, "web.upload", err)
	}
	stored, err := h.storeParts(r, form, who, folder)
	switch {
	case err != nil && stored > 0:
		return h.folderProblem(w, r, who, folder, "", partly(err, stored))
	case err != nil:
		return h.folderProblem(w, r, who, folder, "", err)
	case stored == 0:
		return h.folderProblem(w, r, who, folder, "", fault.New(fault.Invalid, "web.upload", "Choose a file first.").WithCode("no_file"))
	}
	return redirect(w, r, driveAddress(folder))
}

// partly says how far it got before err.
func partly(err error, stored int) error {
	_, sentence, _ := fault.Public(err)
	plural := "files are"
	if stored == 1 {
		plural = "file is"
	}
	return &fault.Error{Kind: fault.KindOf(err), Op: "web.upload", Err: err,
		Public: fmt.Sprintf("%s The first %d %s stored.", sentence, stored, plural)}
}

func (h *Web) storeParts(r *http.Request, form *multipart.Reader, who authn.Principal, folder drive.Path) (stored int, err error) {
	for range maxParts {
		part, err := form.NextPart()
		if err == io.EOF {
			return stored, nil
		}
		if err != nil {
			return stored, brokenForm(err)
		}
		name := fileName(part)
		if name == "" { // an input that is no file, or a picker that was left empty
			if _, err := io.Copy(io.Discard, io.LimitReader(part, maxForm)); err != nil {
				return stored, brokenForm(err)
			}
			if n, _ := part.Read(make([]byte, 1)); n > 0 {
				return stored, fault.New(fault.TooLarge, "web.upload", "")
			}
			continue
		}
		if err := h.storePart(r, part, who, folder, name); err != nil {
			return stored, err
		}
		stored++
	}
	return stored, fault.New(fault.TooLarge, "web.upload", fmt.Sprintf("A form takes at most %d files at once.", maxParts)).WithCode("too_many_files")
}

func (h *Web) storePart(r *http.Request, part *multipart.Part, who authn.Principal, folder drive.Path, name string) error {
	path, err := child(folder, name)
	if err != nil {
		return err
	}
	_, _, err = h.drives.Put(r.Context(), who.UserID, path, formBody{part}, drive.PutOptions{
		Size: -1, MediaType: mediaType(part), Conflict: drive.Rename,
	})
	return err
}

// formBody reads a part of a form; an end of the form inside the part is a broken body, not an end.
type formBody struct{ part io.Reader }

func (b formBody) Read(p []byte) (int, error) {
	n, err := b.part.Read(p)
	if err != nil && err != io.EOF {
		err = brokenForm(err)
	}
	return n, err
}

func brokenForm(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return &fault.Error{Kind: fault.Invalid, Op: "web.upload", Code: "body_truncated", Public: "The upload broke off.", Err: err}
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
