package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/pages/catalogue"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	languageCookie = "satchel-language"
	languageMemory = 365 * 24 * 60 * 60 // s
)

// languageRoutes is choosing the language of the pages. It is the browser's and not the account's: a phone and a
// desktop of one person may differ, and strangers read pages, too.
func (h *Web) languageRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"POST /language": h.chooseLanguage,
	}
}

// in is the pages in the language of who asks: what the address or this browser's cookie says, else the best of what the
// browser asks for. They come without their frame where an app has one.
func (h *Web) in(r *http.Request) *pages.Edition {
	chosen := string(languageAsked(r))
	if c, err := r.Cookie(languageCookie); err == nil && chosen == "" {
		chosen = c.Value
	}
	edition := h.pages.In(chosen, r.Header.Get("Accept-Language"))
	if embedded(r) {
		return edition.Embedded()
	}
	return edition
}

func (h *Web) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	chosen := catalogue.Language(r.PostForm.Get("language"))
	if !slices.Contains(catalogue.Languages(), chosen) {
		return fault.New(fault.Invalid, "web.chooseLanguage", "The pages do not speak this language.").WithCode("unknown_language")
	}
	http.SetCookie(w, h.preference(r, languageCookie, string(chosen), languageMemory))
	return redirect(w, r, h.cameFrom(r))
}

// cameFrom is the page of ours that a form was sent from, as the browser says; the start if it does not.
func (h *Web) cameFrom(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host == "" || len(r.Referer()) > maxNext {
		return "/"
	}
	base, err := url.Parse(h.origin.Base(r))
	if err != nil || from.Scheme != base.Scheme || from.Host != base.Host {
		return "/"
	}
	// By its path only, which begins with one slash: two would lead to another site.
	back := url.URL{Path: from.Path, RawPath: from.RawPath, RawQuery: from.RawQuery}
	if to := back.String(); len(to) > 0 && to[0] == '/' && (len(to) == 1 || to[1] != '/' && to[1] != '\\') {
		return to
	}
	return "/"
}
