package pages

import (
	"html/template"
	"testing"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// named is what a field of a page may be as well as a string.
type named string

type speaks struct{ text string }

func (s speaks) String() string { return s.text }

// What fills a message in is text whatever its type, unless it is HTML already or a number.
func TestRichIsTextWhateverItsType(t *testing.T) {
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const safe = "Account of <bdi>&lt;b&gt;</bdi>"
	for _, c := range []struct {
		value any
		want  template.HTML
	}{
		{"<b>", safe}, {named("<b>"), safe}, {speaks{"<b>"}, safe}, {template.URL("<b>"), safe},
		{template.HTML("<b>"), "Account of <b>"}, {7, "Account of 7"}, {int64(7), "Account of 7"},
	} {
		if got, err := p.rich(catalogue.English, "frame.account", "name", c.value); err != nil || got != c.want {
			t.Errorf("%T: %q, %v; want %q", c.value, got, err, c.want)
		}
	}
}
