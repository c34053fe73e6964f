package hooks

import (
	"fmt"
	"mime"
	"path"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Rules admits files by settings, by whatever door they come. It is what drive.Options.Admit asks. The zero value admits everything.
type Rules struct {
	denyNames  []string
	allowTypes []string
}

// NewRules reads the rules: denyNames are patterns of path.Match that a file's lower-cased name must not match
// ("*.exe"); allowTypes are media types, "image/*" among them, of which one must match ("" allows every type).
// A pattern that cannot be read is an error that names it.
func NewRules(denyNames, allowTypes []string) (*Rules, error) {
	r := &Rules{}
	for _, pattern := range denyNames {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		r.denyNames = append(r.denyNames, strings.ToLower(pattern))
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
	for _, pattern := range r.denyNames {
		if hit, _ := path.Match(pattern, strings.ToLower(p.Name)); hit {
			return fault.New(fault.Forbidden, "hooks.Admit", "Files with such a name are not taken here.").WithCode("name_not_allowed").WithPath(p.Name)
		}
	}
	if len(r.allowTypes) > 0 && !r.allows(p) {
		return fault.New(fault.Forbidden, "hooks.Admit", "Files of this type are not taken here.").WithCode("type_not_allowed").WithPath(p.Name)
	}
	return nil
}

func (r *Rules) allows(p drive.Proposal) bool {
	declared := p.MediaType
	if declared == "" {
		declared = mime.TypeByExtension(strings.ToLower(path.Ext(p.Name)))
	}
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
