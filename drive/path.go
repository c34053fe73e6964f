package drive

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
)

// The bounds of names and paths. They are far above what people use and far
// below what would hurt a database or a client.
const (
	MaxName  = 255  // bytes of one name
	MaxPath  = 4096 // bytes of a path
	MaxDepth = 64   // names in a path
	// MaxChildren is how many nodes one folder may hold.
	MaxChildren = 200_000
)

// Path is where a node is in its drive: "/" for the root, else names each led by a slash
// ("/a/b.txt"), never a slash at the end. Only [ParsePath], [Path.Join] and [Path.Parent] make one.
type Path string

// Root is the drive's top folder.
const Root Path = "/"

// ParsePath reads a path as clients write it: a slash at the start and at the end is optional, repeated
// slashes count as one. A name that CheckName refuses ("..", say) makes the whole path Invalid; nothing is resolved.
func ParsePath(s string) (Path, error) {
	var b strings.Builder
	b.Grow(len(s) + 1)
	depth := 0
	for name := range strings.SplitSeq(s, "/") {
		if name == "" {
			continue
		}
		if err := CheckName(name); err != nil {
			return "", err
		}
		if depth++; depth > MaxDepth {
			return "", fault.New(fault.TooLarge, "drive.ParsePath", fmt.Sprintf("A path holds at most %d names.", MaxDepth)).WithCode("path_too_deep")
		}
		b.WriteByte('/')
		b.WriteString(name)
	}
	if b.Len() > MaxPath {
		return "", fault.New(fault.TooLarge, "drive.ParsePath", fmt.Sprintf("A path is at most %d bytes long.", MaxPath)).WithCode("path_too_long")
	}
	if b.Len() == 0 {
		return Root, nil
	}
	return Path(b.String()), nil
}

// CheckName refuses what cannot be a node's name: empty, ".", "..", over MaxName bytes, with a slash
// or a NUL, or not UTF-8.
func CheckName(name string) error {
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "drive.CheckName", why).WithCode("invalid_name").WithPath(name)
	}
	switch {
	case name == "":
		return invalid("A name is missing.")
	case name == "." || name == "..":
		return invalid(`"." and ".." are not names.`)
	case len(name) > MaxName:
		return invalid(fmt.Sprintf("A name is at most %d bytes long.", MaxName))
	case strings.ContainsAny(name, "/\x00"):
		return invalid("A name holds no slash and no NUL.")
	case !utf8.ValidString(name):
		return invalid("A name must be UTF-8.")
	}
	return nil
}

// storable reports whether a text can be stored on every engine: Postgres takes UTF-8 without NUL.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// nameKey is what makes two names the same name: their NFC form (Unicode Standard Annex #15).
// Finder sends names decomposed, everyone else composed.
func nameKey(name string) string { return norm.NFC.String(name) }

// Names are the path's names from the top.
func (p Path) Names() []string {
	if p == Root {
		return nil
	}
	return strings.Split(string(p[1:]), "/")
}

// Name is the last name; the root's is empty.
func (p Path) Name() string { return string(p[strings.LastIndexByte(string(p), '/')+1:]) }

// Parent is the folder that holds p; the root's is the root.
func (p Path) Parent() Path {
	if i := strings.LastIndexByte(string(p), '/'); i > 0 {
		return p[:i]
	}
	return Root
}

// Join is the path of a child.
func (p Path) Join(name string) Path {
	if p == Root {
		return Path("/" + name)
	}
	return p + Path("/"+name)
}

// room is how many bytes the name of a child may have.
func (p Path) room() int { return min(MaxName, MaxPath-len(p.Join(""))) }

// Within reports whether p is folder or below it, by names that are equal as nameKey has it.
func (p Path) Within(folder Path) bool {
	if folder == Root {
		return true
	}
	a, b := nameKey(string(p)), nameKey(string(folder))
	return a == b || strings.HasPrefix(a, b+"/")
}
