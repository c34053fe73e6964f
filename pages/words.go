package pages

import (
	"fmt"
	"html/template"
	"slices"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// wordsIn are the functions by which templates ask for words in a language.
func (p *Pages) wordsIn(l catalogue.Language) template.FuncMap {
	return template.FuncMap{
		// {{number 1234567}} is a count as people read it: "1,234,567".
		"number":    func(n int64) string { return message.NewPrinter(language.Make(string(l))).Sprint(number.Decimal(n)) },
		"lang":      func() catalogue.Language { return l },
		"languages": func() []choice { return languages(l) },
		// {{t "drive.title"}} or {{t "drive.used" "used" (size .Used)}} is a message as text, in attributes, too.
		"t": func(key string, pairs ...any) (string, error) { return p.catalogue.Say(l, key, pairs...) },
		// {{say .Done}} is a message that Go chose, between tags.
		"say": func(m *Message) (template.HTML, error) { return p.rich(l, m.Key, m.Pairs...) },
		// {{rich "drive.removed" "count" 1 "name" .Name}} is a message between tags, with each string in a <bdi>, so that
		// a name in another direction leaves the sentence alone. What is HTML already stays so: see code and link.
		"rich": func(key string, pairs ...any) (template.HTML, error) { return p.rich(l, key, pairs...) },
		// {{code .Address}} is for rich: something to be typed or copied.
		"code": func(s string) template.HTML {
			return template.HTML("<code>" + template.HTMLEscapeString(s) + "</code>")
		},
		// {{link "/forgot" (t "login.forgot")}} is for rich: a way to another of our pages.
		"link": func(address, words string) (template.HTML, error) {
			if len(address) == 0 || address[0] != '/' {
				return "", fmt.Errorf("%q is no address of ours", address)
			}
			return template.HTML(`<a href="` + template.HTMLEscapeString(address) + `"><bdi>` + template.HTMLEscapeString(words) + "</bdi></a>"), nil
		},
		// {{moment .Modified}} is a time, which the script puts into the reader's zone.
		"moment": func(at time.Time) template.HTML {
			return template.HTML(`<time datetime="` + formatStamp(at) + `">` + formatTime(at) + " UTC</time>")
		},
		// {{where .Path}} is the path of a folder. That of the drive itself has no name of its own.
		"where": func(path string) (string, error) {
			if path == "/" {
				return p.catalogue.Say(l, "drive.root")
			}
			return path, nil
		},
		// {{device .Device}} is what somebody is signed in with, for rich, too.
		"device": func(d Device) (template.HTML, error) {
			switch {
			case !d.Known():
				return p.rich(l, "session.unknown")
			case d.Program == "" || d.System == "":
				return isolated(d.Program + d.System), nil
			}
			return p.rich(l, "session.device", "program", d.Program, "system", d.System)
		},
		// {{event .Event}} and {{detail .Event .Detail}} are what the audit log says.
		"event":  func(event string) (string, error) { return p.event(l, event) },
		"detail": func(event, detail string) (template.HTML, error) { return p.detail(l, event, detail) },
		// {{problem .Sentence}} is a refusal in the language of the page.
		"problem": func(sentence string) string { return p.catalogue.Problem(l, sentence) },
	}
}

// rich is a message with each string that fills it in isolated from its direction.
func (p *Pages) rich(l catalogue.Language, key string, pairs ...any) (template.HTML, error) {
	pairs = slices.Clone(pairs)
	for i := 1; i < len(pairs); i += 2 {
		switch v := pairs[i].(type) {
		case template.HTML, int, int64:
		default: // whatever its type, it may be what somebody typed
			pairs[i] = isolated(fmt.Sprint(v))
		}
	}
	words, err := p.catalogue.Say(l, key, pairs...)
	return template.HTML(words), err // the messages hold no markup: catalogue_test.go
}

func isolated(s string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(s) + "</bdi>")
}

// choice is a language that the pages can be in.
type choice struct {
	Code   catalogue.Language
	Name   string // in the language itself
	Chosen bool
}

// languages are all of them, for who reads l.
func languages(l catalogue.Language) []choice {
	var all []choice
	for _, each := range catalogue.Languages() {
		all = append(all, choice{each, each.Name(), each == l})
	}
	return all
}
