package web

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

// ticketEnded, in the query of /login, says that a ticket did not open the drive.
const ticketEnded = "ticket-ended"

func (h *Web) loginPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	// Whoever comes with a ticket that ended meant an account, and it may be another than the one signed in here.
	if _, ok := authn.From(r.Context()); ok && !q.Has(ticketEnded) {
		return redirect(w, r, orDrive(localNext(q.Get("next"))))
	}
	return h.showLogin(w, r, http.StatusOK, pages.Login{Next: localNext(q.Get("next")), TicketEnded: q.Has(ticketEnded), Reset: q.Has(passwordReset)})
}

func (h *Web) showLogin(w http.ResponseWriter, r *http.Request, status int, v pages.Login) error {
	v.Registration, v.Elsewhere = h.accounts.Newcomers().Open(), h.elsewhere()
	_, noPasskeys := h.site(r)
	v.Passkeys = noPasskeys == ""
	n := h.accounts.Newcomers()
	v.Forgot = n.Mail || n.Texts
	html, err := h.in(r).Login(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

func (h *Web) login(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	login, next := r.PostForm.Get("login"), localNext(r.PostForm.Get("next"))
	session, err := h.accounts.LoginPage(r.Context(), login, r.PostForm.Get("password"), h.client(r))
	if err != nil {
		status := reportForm(w, r, err)
		return h.showLogin(w, r, status, pages.Login{Frame: pages.Frame{Problem: problemOf(r, err, false)}, Login: login, Next: next})
	}
	if session.Half != "" {
		return h.showSecondStep(w, r, http.StatusOK, pages.SecondStep{Half: session.Half, Next: next})
	}
	h.setCookie(w, r, session)
	return redirect(w, r, orDrive(next))
}

// reportForm is report for what a form sent: one that did not prove who sent it is answered with the form that does.
func reportForm(w http.ResponseWriter, r *http.Request, err error) int {
	status := report(w, r, err)
	if status == http.StatusUnauthorized {
		challengeForm(w)
	}
	return status
}

// challengeForm says that the form is how to sign in. A 401 must name a scheme (RFC 9110, section 15.5.2), and Basic
// would open the browser's own dialog; this one is from draft-broyer-http-cookie-auth-00.
func challengeForm(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Cookie realm="Satchel", form-action="/login", cookie-name="`+authn.CookieName+`"`)
}

// logout ends the session that the request came with. A browser whose session has ended by itself gets the same answer.
func (h *Web) logout(w http.ResponseWriter, r *http.Request) error {
	if who, ok := authn.From(r.Context()); ok {
		if err := h.accounts.Logout(r.Context(), who, h.client(r)); err != nil {
			return err
		}
	}
	h.clearCookie(w, r)
	return redirect(w, r, loginPath)
}

// open redeems a ticket. HEAD does not: whoever only looks at a link must not use it up.
func (h *Web) open(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method == http.MethodHead {
		return nil
	}
	ticket := r.URL.Query().Get("ticket")
	// A link on another site must not put somebody else's account in the place of the one that is signed in here, nor sign anybody
	// in to it unasked: what is uploaded next would go there. An app that opens the address itself sends "none" or nothing.
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		if _, ok := authn.From(r.Context()); ok {
			return redirect(w, r, loginPath+"?"+ticketEnded)
		}
		return h.askToContinue(w, r, ticket)
	}
	return h.redeem(w, r, ticket, afterOpening(r.URL.Query()))
}

// askToContinue shows whose account a ticket opens, without using it up.
func (h *Web) askToContinue(w http.ResponseWriter, r *http.Request, ticket string) error {
	u, err := h.accounts.TicketUser(r.Context(), ticket)
	if fault.Is(err, fault.Unauthenticated) {
		return redirect(w, r, loginPath+"?"+ticketEnded)
	}
	if err != nil {
		return err
	}
	html, err := h.in(r).Continue(pages.Continue{Name: u.Username, Ticket: ticket, Next: localNext(r.URL.Query().Get("next"))})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

// openConfirmed redeems a ticket for who was asked. Another site's form does not get here (server/crossing.go).
func (h *Web) openConfirmed(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	return h.redeem(w, r, r.PostForm.Get("ticket"), afterOpening(r.PostForm))
}

func (h *Web) redeem(w http.ResponseWriter, r *http.Request, ticket, next string) error {
	session, err := h.accounts.RedeemTicket(r.Context(), ticket, h.client(r))
	if fault.Is(err, fault.Unauthenticated) {
		return redirect(w, r, loginPath+"?"+ticketEnded)
	}
	if err != nil {
		return err
	}
	h.setCookie(w, r, session)
	return redirect(w, r, next)
}

func (h *Web) client(r *http.Request) authn.Client {
	return authn.Client{Address: h.origin.ClientAddr(r), UserAgent: r.UserAgent(), Language: string(h.in(r).Language())}
}

// orDrive is where to go when no address to go on to was given.
func orDrive(next string) string {
	if next == "" {
		return driveAddress(drive.Root)
	}
	return next
}

// cookie is the page cookie without a value: bound to this host, out of reach of scripts, not sent along when
// another site posts or embeds.
func (h *Web) cookie(r *http.Request) *http.Cookie {
	c := &http.Cookie{Name: authn.CookieName, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if h.origin.Secure(r) {
		c.Name, c.Secure = authn.SecureCookieName, true
	}
	return c
}

// setCookie gives the browser its new session and ends the one that it had: nobody could sign that one out any more, and a cookie
// that somebody else had planted is worth nothing from here on.
func (h *Web) setCookie(w http.ResponseWriter, r *http.Request, s authn.PageSession) {
	c := h.cookie(r)
	if old, err := r.Cookie(c.Name); err == nil {
		if err := h.accounts.LeavePage(r.Context(), old.Value, h.client(r)); err != nil { // the new one is open already
			answer.Log(r.Context()).Warn("a replaced session was not ended", "request_id", answer.RequestID(r.Context()), "err", err)
		}
	}
	c.Value, c.Expires = s.Cookie, s.Expires
	c.MaxAge = max(1, int(time.Until(s.Expires)/time.Second)) // counts on the browser's clock, which may be wrong
	http.SetCookie(w, c)
}

func (h *Web) clearCookie(w http.ResponseWriter, r *http.Request) {
	c := h.cookie(r)
	c.MaxAge = -1
	http.SetCookie(w, c)
}
