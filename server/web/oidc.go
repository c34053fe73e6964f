package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const oidcPrefix = "/login/oidc/"

// oidcRoutes is signing in at an OpenID Connect provider. It is begun by a form of ours and nothing else, so that no other
// site begins it; the provider sends the browser back to callback.
func (h *Web) oidcRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"POST " + oidcPrefix + "{provider}":         h.oidcBegin,
		"GET " + oidcPrefix + "{provider}/callback": h.oidcFinish,
		"GET " + identitiesPath:                     h.private(h.identities),
		"POST " + identitiesPath:                    h.private(h.changeIdentities),
	}
}

// elsewhere are the providers for the pages to offer.
func (h *Web) elsewhere() []pages.Elsewhere {
	var all []pages.Elsewhere
	for _, p := range h.accounts.Providers() {
		all = append(all, pages.Elsewhere{Name: p.Name(), Address: oidcPrefix + p.ID()})
	}
	return all
}

// oidcBegin sends the browser to the provider.
func (h *Web) oidcBegin(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	next := localNext(r.PostForm.Get("next"))
	begun, err := h.accounts.BeginOIDC(r.Context(), h.oidcStart(r, r.PathValue("provider"), next))
	switch {
	case fault.Is(err, fault.NotFound):
		return err
	case err != nil:
		return h.loginProblem(w, r, next, err)
	}
	return h.onward(w, r, begun)
}

func (h *Web) oidcStart(r *http.Request, provider, next string) authn.OIDCStart {
	return authn.OIDCStart{Provider: provider, Callback: h.origin.Base(r) + oidcPrefix + provider + "/callback",
		Next: next, Cookie: h.oidcCookieOf(r), Client: h.client(r)}
}

// onward is a page that goes on to the provider. A redirect would be stopped by form-action in Chromium, which holds every address
// on the way against it; and which ones a provider sends people through before they are back, nobody knows.
func (h *Web) onward(w http.ResponseWriter, r *http.Request, begun authn.OIDCBegun) error {
	html, err := h.in(r).Onward(pages.Onward{Name: begun.Name, Address: begun.Address})
	if err != nil {
		return err
	}
	c := h.oidcCookie(r)
	c.Value, c.MaxAge = begun.Cookie, int(authn.OIDCTTL.Seconds())
	http.SetCookie(w, c)
	w.Header().Set("Refresh", "0; url="+begun.Address) // HTML standard, section 4.2.5.3; the address is a URL, in ASCII
	return write(w, http.StatusOK, html)
}

// oidcFinish takes what the provider sent back with the browser. HEAD does not: whoever only looks at a link must not use it up.
func (h *Web) oidcFinish(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if r.Method == http.MethodHead {
		return nil
	}
	q := r.URL.Query()
	who, _ := authn.From(r.Context())
	end, err := h.accounts.FinishOIDC(r.Context(), authn.OIDCAnswer{Provider: r.PathValue("provider"), State: q.Get("state"), Cookie: h.oidcCookieOf(r),
		Answer: openid.Answer{Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error")}}, who, h.client(r))
	switch next := localNext(end.Next); {
	case fault.Is(err, fault.NotFound):
		return err
	case err != nil && who.UserID != "" && !end.Linking:
		return err // the page to sign in on is not for who is signed in
	case err != nil && who.UserID != "":
		return h.showIdentities(w, r, who, report(w, r, err), pages.Identities{AccountFrame: pages.AccountFrame{Frame: pages.Frame{Problem: problemOf(r, err, false)}}})
	case err != nil:
		return h.loginProblem(w, r, next, err)
	case end.Linking:
		return redirect(w, r, orDrive(next))
	case end.Session.Half != "":
		return h.showSecondStep(w, r, http.StatusOK, pages.SecondStep{Half: end.Session.Half, Next: next})
	default:
		h.setCookie(w, r, end.Session)
		return redirect(w, r, orDrive(next))
	}
}

// oidcCookie is the cookie that ties a sign-in to this browser, without a value. It is sent along when the provider sends the browser back,
// which is another site's link to us: SameSite=Strict would keep it.
func (h *Web) oidcCookie(r *http.Request) *http.Cookie {
	c := h.cookie(r)
	if c.Name = authn.OIDCCookieName; c.Secure {
		c.Name = authn.SecureOIDCCookieName
	}
	return c
}

func (h *Web) oidcCookieOf(r *http.Request) string {
	c, err := r.Cookie(h.oidcCookie(r).Name)
	if err != nil {
		return ""
	}
	return c.Value
}
