package hooks

import (
	"fmt"
	"mime"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Rules admits files by settings, by whatever door they come. It is what drive.Options.Admit asks. The zero value admits everything.
type Rules struct {
	denyNames  []string
	allowTypes []string
}

// NewRules reads the rules: denyNames are patterns of path.Match that a file's name must not match ("*.exe"), whatever its case, its Unicode
// normalisation and the dots and spaces at its end, which Windows drops; allowTypes are media types, "image/*" among them, of which one must match (none
// allows every type). The type is what the client says, else the one of the name's extension. A pattern that cannot be read is an error that names it.
func NewRules(denyNames, allowTypes []string) (*Rules, error) {
	r := &Rules{}
	for _, pattern := range denyNames {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		r.denyNames = append(r.denyNames, norm.NFC.String(strings.ToLower(pattern)))
	}
	for _, t := range allowTypes {
		main, sub, ok := strings.Cut(t, "/")
		if !ok || main == "" || sub == "" {
			return nil, fmt.Errorf("media type %q: want one like image/* or application/pdf", t)
		}
		r.allowTypes = append(r.allowTypes, strings.ToLower(t))
	}
	return r, nil
}

// Admit answers nil if there may be such a file, else Forbidden with code "name_not_allowed" or "type_not_allowed".
func (r *Rules) Admit(p drive.Proposal) error {
	name := norm.NFC.String(strings.ToLower(p.Name))
	for _, pattern := range r.denyNames {
		hit, _ := path.Match(pattern, name)
		trimmed, _ := path.Match(pattern, strings.TrimRight(name, ". "))
		if hit || trimmed {
			return fault.New(fault.Forbidden, "hooks.Admit", "Files with such a name are not taken here.").WithCode("name_not_allowed").WithPath(p.Name)
		}
	}
	if len(r.allowTypes) > 0 && !r.allows(p) {
		return fault.New(fault.Forbidden, "hooks.Admit", "Files of this type are not taken here.").WithCode("type_not_allowed").WithPath(p.Name)
	}
	return nil
}

func (r *Rules) allows(p drive.Proposal) bool {
	if p.MediaType != "" && r.allowsType(p.MediaType) {
		return true
	}
	if kind, _, _ := mime.ParseMediaType(p.MediaType); p.MediaType != "" && kind != unknownType {
		return false
	}
	if byName := mime.TypeByExtension(strings.ToLower(path.Ext(p.Name))); byName != "" {
		return r.allowsType(byName)
	}
	return r.allowsType(unknownType)
}

// unknownType says nothing (RFC 2046, section 4.5.1): clients send it of what they have no type for.
const unknownType = "application/octet-stream"

func (r *Rules) allowsType(declared string) bool {
	got, _, err := mime.ParseMediaType(declared)
	if err != nil {
		return false
	}
	for _, t := range r.allowTypes {
		if hit, _ := path.Match(t, got); hit {
			return true
		}
	}
	return false
}
