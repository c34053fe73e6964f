package web

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
)

// site is this server as the browser knows it, to which passkeys are bound, or why it can have none here: they belong to a
// domain (Web Authentication, Level 3, section 5.1.2), and browsers offer them in a secure context only.
func (h *Web) site(r *http.Request) (s authn.Site, problem string) {
	host := h.origin.Hostname(r)
	if _, err := netip.ParseAddr(host); err == nil {
		return s, "Passkeys belong to a name, and this page was opened by an IP address. Open it by its name to use them."
	}
	if !h.origin.Secure(r) && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return s, "Passkeys need HTTPS, and this page was opened without."
	}
	return authn.Site{Host: host, Origin: strings.ToLower(h.origin.Base(r))}, ""
}

// passkeySite is site for what cannot go on without.
func (h *Web) passkeySite(r *http.Request) (authn.Site, error) {
	s, problem := h.site(r)
	if problem != "" {
		return s, fault.New(fault.Invalid, "web.passkey", problem).WithCode("no_passkeys_here")
	}
	return s, nil
}

func (h *Web) beginPasskey(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	s, err := h.passkeySite(r)
	if err != nil {
		return h.factorProblem(w, r, who, err)
	}
	options, err := h.accounts.BeginPasskey(r.Context(), who, s, r.PostForm.Get("name"), proofOf(r), h.client(r))
	if err != nil {
		return h.factorProblem(w, r, who, firstField(err))
	}
	return h.showCeremony(w, r, pages.Ceremony{Frame: pages.Frame{User: who.Username}, Kind: "create", Options: string(options),
		Action: factorPath + "/passkeys/confirm", Back: factorPath})
}

// firstField says about the one input that was refused what is wrong with it, since the page has no place beside it.
func firstField(err error) error {
	_, _, fields := fault.Public(err)
	if len(fields) == 0 {
		return err
	}
	return &fault.Error{Kind: fault.KindOf(err), Op: "web.passkey", Public: fields[0].Message, Err: err}
}

func (h *Web) confirmPasskey(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	s, err := h.passkeySite(r)
	if err != nil {
		return h.factorProblem(w, r, who, err)
	}
	_, codes, err := h.accounts.FinishPasskey(r.Context(), who, s, []byte(r.PostForm.Get("response")), h.client(r))
	if err != nil {
		return h.factorProblem(w, r, who, err)
	}
	return h.factorDone(w, r, who, pages.Say("passkey.added"), codes)
}

func (h *Web) removePasskey(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	if err := h.accounts.RemovePasskey(r.Context(), who, r.PathValue("id"), proofOf(r), h.client(r)); err != nil {
		return h.factorProblem(w, r, who, err)
	}
	return h.factorDone(w, r, who, pages.Say("passkey.removed"), nil)
}

// askPasskey asks the browser for a passkey to sign in with.
func (h *Web) askPasskey(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	next := localNext(r.PostForm.Get("next"))
	s, err := h.passkeySite(r)
	if err != nil {
		return h.loginProblem(w, r, next, err)
	}
	half := r.PostForm.Get("half")
	options, err := h.accounts.BeginPasskeyLogin(r.Context(), s, half, h.client(r))
	if fault.Is(err, fault.NotFound) { // the account has none here: it signs in with a code
		return h.showSecondStep(w, r, report(w, r, err), pages.SecondStep{Frame: pages.Frame{Problem: problemOf(r, err, false)}, Half: half, Next: next})
	}
	if err != nil {
		return h.loginProblem(w, r, next, err)
	}
	return h.showCeremony(w, r, pages.Ceremony{Kind: "get", Options: string(options), Action: loginPath + "/passkey/finish", Back: loginAddress(next), Next: next})
}

func (h *Web) finishPasskey(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	next := localNext(r.PostForm.Get("next"))
	s, err := h.passkeySite(r)
	if err != nil {
		return h.loginProblem(w, r, next, err)
	}
	session, err := h.accounts.FinishPasskeyLogin(r.Context(), s, []byte(r.PostForm.Get("response")), h.client(r))
	if err != nil {
		return h.loginProblem(w, r, next, err)
	}
	h.setCookie(w, r, session)
	return redirect(w, r, orDrive(next))
}

func (h *Web) showCeremony(w http.ResponseWriter, r *http.Request, v pages.Ceremony) error {
	html, err := h.in(r).Ceremony(v)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}
