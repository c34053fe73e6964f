package web

import (
	"html/template"
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const factorPath = accountPath + "/second-factor"

// factorRoutes is the account's second factor, and the second step of signing in.
func (h *Web) factorRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + factorPath:                            h.private(h.factorPage),
		"GET " + factorPath + "/{form...}":             h.private(h.backToFactor),
		"POST " + factorPath + "/totp":                 h.private(h.beginTOTP),
		"POST " + factorPath + "/totp/confirm":         h.private(h.confirmTOTP),
		"POST " + factorPath + "/totp/off":             h.private(h.removeTOTP),
		"POST " + factorPath + "/recovery-codes":       h.private(h.newRecoveryCodes),
		"POST " + factorPath + "/passkeys":             h.private(h.beginPasskey),
		"POST " + factorPath + "/passkeys/confirm":     h.private(h.confirmPasskey),
		"POST " + factorPath + "/passkeys/{id}/remove": h.private(h.removePasskey),

		"POST " + loginPath + "/second":         h.secondStep,
		"POST " + loginPath + "/passkey":        h.askPasskey,
		"POST " + loginPath + "/passkey/finish": h.finishPasskey,
		"GET " + loginPath + "/{form...}":       h.backToLogin,
	}
}

func (h *Web) factorPage(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showFactor(w, r, who, http.StatusOK, pages.Factor{})
}

// backToFactor is for who comes to the address of a form by reloading, or after signing in.
func (h *Web) backToFactor(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	return redirect(w, r, factorPath)
}

// showFactor shows what is on, with what v adds to it.
func (h *Web) showFactor(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, v pages.Factor) error {
	f, err := h.accounts.SecondFactor(r.Context(), who)
	if err != nil {
		return err
	}
	problem, done := v.Problem, v.Done
	v.AccountFrame = accountFrame(who, factorPath)
	v.Problem, v.Done = problem, done
	v.On, v.TOTP, v.RecoveryCodes = f.On(), f.TOTP, f.RecoveryCodes
	_, v.PasskeyProblem = h.site(r)
	for _, k := range f.Passkeys {
		v.Passkeys = append(v.Passkeys, pages.Passkey{Name: k.Name, Host: k.Host, Created: k.Created, Used: k.Used,
			Remove: factorPath + "/passkeys/" + k.ID + "/remove"})
	}
	html, err := h.in(r).Factor(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// factorProblem shows the page with why the form did nothing.
func (h *Web) factorProblem(w http.ResponseWriter, r *http.Request, who authn.Principal, err error) error {
	status := reportForm(w, r, err)
	return h.showFactor(w, r, who, status, pages.Factor{AccountFrame: pages.AccountFrame{Frame: pages.Frame{Problem: problemOf(r, err, false)}}})
}

func (h *Web) factorDone(w http.ResponseWriter, r *http.Request, who authn.Principal, done *pages.Message, codes []string) error {
	return h.showFactor(w, r, who, http.StatusOK, pages.Factor{AccountFrame: pages.AccountFrame{Done: done}, Codes: codes})
}

// asks is what the pages ask for before they change the account.
func (h *Web) asks(r *http.Request, who authn.Principal) (pages.Proof, error) {
	asked, err := h.accounts.Asks(r.Context(), who)
	return pages.Proof(asked), err
}

// proofOf is what a form shows once more of who sends it.
func proofOf(r *http.Request) authn.Proof {
	return authn.Proof{Password: r.PostForm.Get("password"), OTP: r.PostForm.Get("otp")}
}

func (h *Web) beginTOTP(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	e, err := h.accounts.BeginTOTP(r.Context(), who, proofOf(r), h.origin.Hostname(r), h.client(r))
	if err != nil {
		return h.factorProblem(w, r, who, err)
	}
	return h.showFactor(w, r, who, http.StatusOK, pages.Factor{Enrollment: enrollmentOf(e)})
}

// enrollmentOf vouches for the addresses in it: authn made them.
func enrollmentOf(e authn.Enrollment) *pages.Enrollment {
	return &pages.Enrollment{Secret: e.Secret, URI: template.URL(e.URI), QR: template.URL(e.QR)}
}

func (h *Web) confirmTOTP(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	codes, err := h.accounts.ConfirmTOTP(r.Context(), who, r.PostForm.Get("otp"), h.client(r))
	if err == nil {
		return h.factorDone(w, r, who, pages.Say("factor.app.is-on"), codes)
	}
	// The form still holds the secret, so a typing error does not begin everything anew.
	e, showErr := h.accounts.ShowTOTP(who, r.PostForm.Get("secret"), h.origin.Hostname(r))
	if !fault.Is(err, fault.Unauthenticated) && !fault.Is(err, fault.TooMany) || showErr != nil {
		return h.factorProblem(w, r, who, err)
	}
	status := reportForm(w, r, err)
	return h.showFactor(w, r, who, status, pages.Factor{Enrollment: enrollmentOf(e),
		AccountFrame: pages.AccountFrame{Frame: pages.Frame{Problem: problemOf(r, err, false)}}})
}

func (h *Web) removeTOTP(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	if err := h.accounts.RemoveTOTP(r.Context(), who, proofOf(r), h.client(r)); err != nil {
		return h.factorProblem(w, r, who, err)
	}
	return h.factorDone(w, r, who, pages.Say("factor.app.is-off"), nil)
}

func (h *Web) newRecoveryCodes(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	codes, err := h.accounts.NewRecoveryCodes(r.Context(), who, proofOf(r), h.client(r))
	if err != nil {
		return h.factorProblem(w, r, who, err)
	}
	return h.factorDone(w, r, who, pages.Say("factor.recovery.made"), codes)
}

// showSecondStep asks for the second factor.
func (h *Web) showSecondStep(w http.ResponseWriter, r *http.Request, status int, v pages.SecondStep) error {
	_, problem := h.site(r)
	v.Passkeys = problem == ""
	html, err := h.in(r).SecondStep(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// secondStep ends a sign-in whose password was right.
func (h *Web) secondStep(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	half, next := r.PostForm.Get("half"), localNext(r.PostForm.Get("next"))
	session, err := h.accounts.FinishPage(r.Context(), half, r.PostForm.Get("otp"), h.client(r))
	if err != nil {
		if code, _, _ := fault.Public(err); code != "invalid_otp" && code != "otp_required" && !fault.Is(err, fault.TooMany) {
			return h.loginProblem(w, r, next, err)
		}
		status := reportForm(w, r, err)
		return h.showSecondStep(w, r, status, pages.SecondStep{Frame: pages.Frame{Problem: problemOf(r, err, false)}, Half: half, Next: next})
	}
	h.setCookie(w, r, session)
	return redirect(w, r, orDrive(next))
}

// loginProblem shows the page to sign in on, with why a later step of it did nothing.
func (h *Web) loginProblem(w http.ResponseWriter, r *http.Request, next string, err error) error {
	status := reportForm(w, r, err)
	return h.showLogin(w, r, status, pages.Login{Frame: pages.Frame{Problem: problemOf(r, err, false)}, Next: next})
}

// backToLogin is for who comes to the address of a form by reloading.
func (h *Web) backToLogin(w http.ResponseWriter, r *http.Request) error {
	return redirect(w, r, loginPath)
}
