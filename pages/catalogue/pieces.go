package catalogue

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

// pieces is a message that has one form: text, and between its parts the names that are filled in. A folder's page says
// hundreds of them, for which text/template, which go-i18n fills them in with, is slow.
type pieces struct {
	texts []string // one more than names
	names []string
}

var filled = regexp.MustCompile(`\{\{\.([a-z_]+)\}\}`)

// cut is the message in pieces; false if it has plural forms.
func cut(m *i18n.Message) (pieces, bool) {
	var p pieces
	if m.Zero != "" || m.One != "" || m.Two != "" || m.Few != "" || m.Many != "" {
		return p, false
	}
	rest := 0
	for _, at := range filled.FindAllStringSubmatchIndex(m.Other, -1) {
		p.texts = append(p.texts, m.Other[rest:at[0]])
		p.names = append(p.names, m.Other[at[2]:at[3]])
		rest = at[1]
	}
	p.texts = append(p.texts, m.Other[rest:])
	return p, true
}

// fill is the message with the values of pairs, a name and its value each.
func (p pieces) fill(pairs []any) (string, error) {
	if len(p.names) == 0 {
		return p.texts[0], nil
	}
	var b strings.Builder
	for i, name := range p.names {
		b.WriteString(p.texts[i])
		value, err := valueOf(name, pairs)
		if err != nil {
			return "", err
		}
		fmt.Fprint(&b, value)
	}
	b.WriteString(p.texts[len(p.names)])
	return b.String(), nil
}

func valueOf(name string, pairs []any) (any, error) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1], nil
		}
	}
	return nil, fmt.Errorf("nothing is filled in for %q", name)
}
