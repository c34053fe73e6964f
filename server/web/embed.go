package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// embedCookie says that the pages are part of an app in this WebView. It ends with the WebView's session.
const embedCookie = "satchel-embed"

// embedded reports whether a page is shown without what stands around it, because an app has that: ?embed=1 in the
// address, or in one before it in this WebView; ?embed=0 ends it.
func embedded(r *http.Request) bool {
	if asked := embedAsked(r); asked != "" {
		return asked == "1"
	}
	c, err := r.Cookie(embedCookie)
	return err == nil && c.Value == "1"
}

// embedAsked is what an address says about it: "1", "0", or nothing.
func embedAsked(r *http.Request) string {
	if !strings.Contains(r.URL.RawQuery, "embed=") || fromElsewhere(r) {
		return ""
	}
	if asked := r.URL.Query().Get("embed"); asked == "0" || asked == "1" {
		return asked
	}
	return ""
}

// fromElsewhere reports whether a page of another site led here. It does not decide how our pages look; an app that opens an
// address in its WebView is no page.
func fromElsewhere(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "cross-site" }

// fromAnotherOrigin reports whether a page that is none of ours led here, be it of another host of this site.
func fromAnotherOrigin(r *http.Request) bool {
	return fromElsewhere(r) || r.Header.Get("Sec-Fetch-Site") == "same-site"
}

// settle keeps what an app's address says about how the pages are shown: embed, and language.
func (h *Web) settle(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.RawQuery == "" {
		return
	}
	switch embedAsked(r) {
	case "1":
		http.SetCookie(w, h.preference(r, embedCookie, "1", 0))
	case "0":
		http.SetCookie(w, h.preference(r, embedCookie, "", -1))
	}
	if chosen := languageAsked(r); chosen != "" {
		http.SetCookie(w, h.preference(r, languageCookie, string(chosen), languageMemory))
	}
}

// languageAsked is the language that an address asks for, if the pages speak it; else empty.
func languageAsked(r *http.Request) catalogue.Language {
	if !strings.Contains(r.URL.RawQuery, "language=") || fromElsewhere(r) {
		return ""
	}
	if l := catalogue.Language(r.URL.Query().Get("language")); slices.Contains(catalogue.Languages(), l) {
		return l
	}
	return ""
}

// preference is a cookie that says how the pages are shown. maxAge is as in http.Cookie, in seconds.
func (h *Web) preference(r *http.Request, name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: h.origin.Secure(r), SameSite: http.SameSiteLaxMode}
}

// afterOpening is where a ticket leads: to the drive, or the page of ours that the app named as next.
func afterOpening(values url.Values) string { return orDrive(localNext(values.Get("next"))) }
