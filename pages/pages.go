package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"slices"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// Pages are the pages in every language. It is safe for use by many goroutines.
type Pages struct {
	catalogue *catalogue.Catalogue
	editions  map[catalogue.Language]*Edition
	assets    map[string]Asset // by hashed name
	worker    Asset
}

// Edition renders the pages in one language. It is safe for use by many goroutines.
type Edition struct {
	language catalogue.Language
	set      *template.Template
	embedded *Edition // the same pages without what stands around them
	manifest []byte
}

// Embedded is the edition for an app that shows the pages as a part of itself: without the top, the foot and what belongs to them.
func (e *Edition) Embedded() *Edition { return e.embedded }

// In is the edition for who reads one of these, best first: codes of languages (BCP 47), or whole Accept-Language headers.
func (p *Pages) In(wanted ...string) *Edition { return p.editions[p.catalogue.Match(wanted...)] }

// Language is what the edition is in.
func (e *Edition) Language() catalogue.Language { return e.language }

// Options is where the built script comes from. The zero value takes what was embedded.
type Options struct {
	// Bundle holds satchel.js; a bundle without it makes pages with plain forms.
	Bundle fs.FS
	// Without are the addresses of the account's sections that are not offered, because there is nothing in them on this server.
	Without []string
}

// New parses the templates. It fails only on a template or an asset that is broken.
func New(o Options) (*Pages, error) {
	if o.Bundle == nil {
		o.Bundle = embeddedBundle()
	}
	words, err := catalogue.Load()
	if err != nil {
		return nil, fmt.Errorf("catalogues: %w", err)
	}
	p := &Pages{catalogue: words, editions: map[catalogue.Language]*Edition{}, assets: map[string]Asset{}}
	addresses, err := p.loadAssets(o.Bundle)
	if err != nil {
		return nil, fmt.Errorf("page assets: %w", err)
	}
	functions := template.FuncMap{
		// The address of an asset; empty for one that was not built.
		"asset": func(name string) string { return addresses[name] },
		"size":  formatSize,
		"time":  formatTime,
		"stamp": formatStamp,
		"qr":    qrImage,
		"short": shortID,
		// Whether a section of the account's pages is offered.
		"offered": func(address string) bool { return !slices.Contains(o.Without, address) },
	}
	parsed, err := parseSources()
	if err != nil {
		return nil, err
	}
	for _, l := range catalogue.Languages() {
		whole, err := p.edition(l, functions, false, parsed)
		if err != nil {
			return nil, err
		}
		if whole.embedded, err = p.edition(l, functions, true, parsed); err != nil {
			return nil, err
		}
		whole.embedded.embedded = whole.embedded
		if whole.manifest, err = p.newManifest(l, addresses); err != nil {
			return nil, err
		}
		p.editions[l] = whole
	}
	return p, nil
}

// edition makes the pages for a language of their parsed templates.
func (p *Pages) edition(l catalogue.Language, functions template.FuncMap, embedded bool, sources *sources) (*Edition, error) {
	set := template.New("pages").Funcs(p.wordsIn(l)).Funcs(functions).Funcs(template.FuncMap{
		// Whether an app shows the page as a part of itself.
		"embedded": func() bool { return embedded },
	})
	if err := sources.addTo(set); err != nil {
		return nil, err
	}
	return &Edition{language: l, set: set}, nil
}

// render is a page as a whole, or an error and nothing.
func (e *Edition) render(name string, view any) ([]byte, error) {
	var b bytes.Buffer
	if err := e.set.ExecuteTemplate(&b, own(name, "layout"), view); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return b.Bytes(), nil
}
