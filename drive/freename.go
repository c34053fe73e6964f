package drive

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// freeName is name, or the first of "name (1).ext", "name (2).ext" … that no child of the folder has. Where that makes the name or the
// path too long, the name before the number is shortened, and if there is nothing left of it the extension goes. TooLarge if the
// folder's path leaves no room even then.
func (e *edit) freeName(ctx context.Context, folder link, name string) (string, error) {
	room := folder.path.room()
	stem, ext := splitName(name)
	if len(name) > room {
		if name = cut(stem, room-len(ext)); name != "" {
			name += ext
		}
	}
	if CheckName(name) == nil {
		if free, err := e.nameFree(ctx, folder.id, name); err != nil || free {
			return name, err
		}
	}
	for _, ext := range []string{ext, ""} {
		free, err := e.numberedName(ctx, folder.id, stem, ext, room)
		if err != nil || free != "" {
			return free, err
		}
	}
	return "", fault.New(fault.TooLarge, "drive.freeName", "The folder's path leaves no room for a name.").WithCode("path_too_long")
}

// Numbered is the nth name that a file takes of its own where others have those before: name, "name (1).ext", "name (2).ext" … Where that is over MaxName
// bytes the name before the number is shortened.
func Numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	stem, ext := splitName(name)
	number := fmt.Sprintf(" (%d)", n)
	return cut(stem, MaxName-len(number)-len(ext)) + number + ext
}

// splitName parts a name from its extension. What follows a dot over half of the longest name is no extension.
func splitName(name string) (stem, ext string) {
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= MaxName/2 {
		return name[:dot], name[dot:]
	}
	return name, ""
}

// numberedName is the first free one of "stem (1)ext", "stem (2)ext" …, at most room bytes long; empty if that has no room for any of
// the stem.
func (e *edit) numberedName(ctx context.Context, folderID, stem, ext string, room int) (string, error) {
	var used map[string]bool
	for digits, last := 1, ""; ; digits++ {
		short := cut(stem, room-len(" ()")-digits-len(ext))
		if short == "" {
			return "", nil
		}
		if e.given != nil {
			if name, err := e.nextName(ctx, numbering{folderID, short, ext}, digits); name != "" || err != nil {
				return name, err
			}
			continue
		}
		if short != last {
			var err error
			if used, err = e.numbered(ctx, folderID, short); err != nil {
				return "", err
			}
			last = short
		}
		for i := int(math.Pow10(digits - 1)); i < int(math.Pow10(digits)); i++ {
			candidate := fmt.Sprintf("%s (%d)%s", short, i, ext)
			if !used[nameKey(candidate)] {
				return candidate, CheckName(candidate)
			}
		}
	}
}

// numbering is "stem (1)ext", "stem (2)ext" … in a folder.
type numbering struct{ folder, stem, ext string }

// nextName is numberedName for an edit that names many nodes and frees no name meanwhile: it goes on from the number that was given last, as reading
// all that have one for each node would take squares of their number. It is empty if no number of so many digits is left.
func (e *edit) nextName(ctx context.Context, n numbering, digits int) (string, error) {
	for i := max(e.given[n]+1, int(math.Pow10(digits-1))); i < int(math.Pow10(digits)); i++ {
		candidate := fmt.Sprintf("%s (%d)%s", n.stem, i, n.ext)
		free, err := e.nameFree(ctx, n.folder, candidate)
		if err != nil {
			return "", err
		}
		if e.given[n] = i; free {
			return candidate, CheckName(candidate)
		}
	}
	return "", nil
}

// numbered are the keys of a folder's children that begin with "stem (".
func (e *edit) numbered(ctx context.Context, folderID, stem string) (map[string]bool, error) {
	used := map[string]bool{}
	// ')' follows '(' in ASCII.
	err := e.Each(ctx, `SELECT name_key FROM nodes WHERE parent_id = $1 AND name_key >= $2 AND name_key < $3`,
		[]any{folderID, nameKey(stem) + " (", nameKey(stem) + " )"}, func(scan sqldb.Scan) error {
			var key string
			err := scan(&key)
			used[key] = true
			return err
		})
	return used, err
}

func (e *edit) nameFree(ctx context.Context, folderID, name string) (bool, error) {
	var one int
	err := e.Row(ctx, `SELECT 1 FROM nodes WHERE parent_id = $1 AND name_key = $2`, []any{folderID, nameKey(name)}, &one)
	if sqldb.NoRow(err) {
		return true, nil
	}
	return false, err
}

// cut shortens s to at most room bytes without splitting a character.
func cut(s string, room int) string {
	if len(s) <= room {
		return s
	}
	for room > 0 && !utf8.RuneStart(s[room]) {
		room--
	}
	return s[:max(0, room)]
}
