package archive

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// maxPart is how many bytes of a name with a backslash are kept.
const maxPart = 200

// Name is where a path of slashes is in an archive. Programs of Windows take a backslash for a slash, and would unpack "..\.." somewhere else. Part of a hash
// keeps the name apart from others.
func Name(path string) string {
	if !strings.ContainsRune(path, '\\') {
		return path
	}
	names := strings.Split(path, "/")
	for i, part := range names {
		if strings.ContainsRune(part, '\\') {
			sum := sha256.Sum256([]byte(part))
			safe := strings.ReplaceAll(part, `\`, "\uff3c")
			names[i] = fmt.Sprintf("%s (%x)", strings.ToValidUTF8(safe[:min(len(safe), maxPart)], ""), sum[:6])
		}
	}
	return strings.Join(names, "/")
}
