package archive

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// Send sends what fill puts into an archive: a ZIP that is made as it is sent, so that it has no length and cannot be gone on with. disposition is
// Content-Disposition. An error before the first byte is answered, and nothing was sent. One that comes later cuts the connection, so that what was sent never
// looks whole: then Send does not return. what names it in the log.
func Send(w http.ResponseWriter, r *http.Request, disposition, what string, fill func(ctx context.Context, a *Archive) error) error {
	out := NewPatient(w)
	a, err := New(out)
	if err != nil {
		return err
	}
	defer a.Discard()
	header := w.Header()
	headers(header, disposition)
	err = fill(r.Context(), a)
	if err == nil {
		err = a.Close()
	}
	if err == nil {
		out.Done()
		return nil
	}
	if a.at == 0 {
		for _, name := range [...]string{"Content-Type", "Content-Disposition", "Accept-Ranges"} {
			header.Del(name)
		}
		return err
	}
	level := slog.LevelWarn
	if out.Err() != nil || r.Context().Err() != nil || fault.Is(err, fault.NotFound) {
		level = slog.LevelInfo // who asked has gone, or what was asked for
	}
	answer.Log(r.Context()).Log(r.Context(), level, "a ZIP broke off", "request_id", answer.RequestID(r.Context()), "what", what, "err", err)
	panic(http.ErrAbortHandler)
}

// headers say what is to come.
func headers(header http.Header, disposition string) {
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", disposition)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Accept-Ranges", "none")
}

// Head answers a HEAD request for what Send would send.
func Head(w http.ResponseWriter, disposition string) {
	headers(w.Header(), disposition)
	w.WriteHeader(http.StatusOK)
}

// SendPaths sends files and folders of a drive, or answers HEAD.
func SendPaths(w http.ResponseWriter, r *http.Request, disposition string, drives *drive.Drives, driveID string, paths []drive.Path) error {
	if r.Method == http.MethodHead {
		for _, p := range paths {
			if _, err := drives.Stat(r.Context(), driveID, p); err != nil {
				return err
			}
		}
		Head(w, disposition)
		return nil
	}
	return Send(w, r, disposition, "drive "+driveID, func(ctx context.Context, a *Archive) error {
		return drives.ExportPaths(ctx, driveID, paths, func(x drive.Exported, content blob.Content) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return a.Add(x, content)
		})
	})
}

// Add puts a file or folder of an export into the archive; what is gone is left out. content may be nil for a folder.
func (a *Archive) Add(x drive.Exported, content io.Reader) error {
	if x.Gone {
		return nil
	}
	name := Name(x.Path)
	if x.Folder {
		name += "/"
	}
	to, err := a.Create(name, x.Modified)
	if err != nil || x.Folder {
		return err
	}
	n, err := io.Copy(to, content)
	if err == nil && n != x.Size {
		err = fault.New(fault.Internal, "archive.Add", "").WithPath(x.Path)
	}
	return err
}
