package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	forgotPath  = "/forgot"
	profilePath = accountPath + "/profile"
	// passwordReset, in the query of /login, says that a forgotten password was replaced.
	passwordReset = "password-reset"
)

// registerRoutes is making an account, and what it is known by.
func (h *Web) registerRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET /register":       h.registerPage,
		"POST /register":      h.register,
		"GET " + forgotPath:   h.forgotPage,
		"POST " + forgotPath:  h.forgot,
		"GET " + profilePath:  h.private(h.profilePage),
		"POST " + profilePath: h.private(h.profile),
	}
}

func (h *Web) registerPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	next := localNext(q.Get("next"))
	if _, ok := authn.From(r.Context()); ok {
		return redirect(w, r, orDrive(next))
	}
	return h.showRegister(w, r, http.StatusOK, pages.Register{Next: next, Invitation: q.Get("invitation")})
}

func (h *Web) showRegister(w http.ResponseWriter, r *http.Request, status int, v pages.Register) error {
	n := h.accounts.Newcomers()
	v.Open, v.Invited, v.Verify, v.MinPassword = n.Open(), n.Registration == authn.RegistrationInvite, n.Verify, authn.MinPassword
	if h.accounts.OIDCRegisters() {
		v.Elsewhere = h.elsewhere()
	}
	html, err := h.in(r).Register(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// register makes an account, or sends the code that proves an address first.
func (h *Web) register(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in := authn.Registration{Username: f.Get("username"), Password: f.Get("password"), Email: f.Get("email"), Phone: f.Get("phone"),
		Code: f.Get("code"), Invitation: f.Get("invitation")}
	view := pages.Register{Username: in.Username, Email: in.Email, Phone: in.Phone, Invitation: in.Invitation, Next: localNext(f.Get("next"))}
	if f.Get("action") == "code" {
		return h.registerCode(w, r, view)
	}
	session, err := h.accounts.RegisterPage(r.Context(), in, h.client(r))
	if err != nil {
		view.Problem, view.Sent = registerProblem(r, err), true
		if code, _, _ := fault.Public(err); code == "invalid_invitation" {
			view.Invitation = "" // the page asks for another one
		}
		return h.showRegister(w, r, report(w, r, err), view)
	}
	h.setCookie(w, r, session)
	return redirect(w, r, orDrive(view.Next))
}

// registerCode is the first step where an address is proven.
func (h *Web) registerCode(w http.ResponseWriter, r *http.Request, view pages.Register) error {
	to := view.Email
	if h.accounts.Newcomers().Verify == authn.VerifyPhone {
		to = view.Phone
	}
	_, err := h.accounts.SendCode(r.Context(), authn.Principal{}, authn.CodeRequest{Purpose: authn.CodeRegister, To: to, Invitation: view.Invitation}, h.client(r))
	if err != nil {
		view.Problem = registerProblem(r, err)
		code, _, _ := fault.Public(err)
		view.Sent = code == "too_many_codes" // one may have come before
		if code == "invalid_invitation" {
			view.Invitation = ""
		}
		return h.showRegister(w, r, report(w, r, err), view)
	}
	view.Sent = true
	return h.showRegister(w, r, http.StatusOK, view)
}

// registerProblem puts what is taken beside the input that it is about.
func registerProblem(r *http.Request, err error) *pages.Problem {
	p := problemOf(r, err, false)
	code, sentence, _ := fault.Public(err)
	if input, ok := map[string]string{"username_taken": "username", "email_taken": "email", "phone_taken": "phone"}[code]; ok {
		p.Fields[input] = sentence
	}
	return p
}

func (h *Web) forgotPage(w http.ResponseWriter, r *http.Request) error {
	return h.showForgot(w, r, http.StatusOK, pages.Forgot{})
}

func (h *Web) showForgot(w http.ResponseWriter, r *http.Request, status int, v pages.Forgot) error {
	n := h.accounts.Newcomers()
	v.Mail, v.Texts, v.MinPassword = n.Mail, n.Texts, authn.MinPassword
	html, err := h.in(r).Forgot(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// forgot sends a code to an address, or sets a password with it. Neither tells whether anybody has the address.
func (h *Web) forgot(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	f := r.PostForm
	view := pages.Forgot{To: f.Get("to"), Sent: true}
	if f.Get("action") == "code" {
		_, err := h.accounts.SendCode(r.Context(), authn.Principal{}, authn.CodeRequest{Purpose: authn.CodeReset, To: view.To}, h.client(r))
		if err != nil {
			view.Sent = fault.Is(err, fault.TooMany) // one may have come before
			view.Problem = problemOf(r, err, false)
			return h.showForgot(w, r, report(w, r, err), view)
		}
		return h.showForgot(w, r, http.StatusOK, view)
	}
	if err := h.accounts.ResetPassword(r.Context(), view.To, f.Get("code"), f.Get("password"), h.client(r)); err != nil {
		view.Problem = problemOf(r, err, false)
		return h.showForgot(w, r, report(w, r, err), view)
	}
	if _, ok := authn.From(r.Context()); ok {
		h.clearCookie(w, r) // if it was the same account, its session has ended; if not, this browser is asked to sign in all the same
	}
	return redirect(w, r, loginPath+"?"+passwordReset)
}

func (h *Web) profilePage(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showProfile(w, r, who, http.StatusOK, pages.Profile{})
}

// showProfile fills in what the account is; what v has already stays.
func (h *Web) showProfile(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, v pages.Profile) error {
	u, err := h.accounts.User(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	who.Username = u.Username
	problem, done := v.Problem, v.Done
	v.AccountFrame = accountFrame(who, profilePath)
	v.Problem, v.Done = problem, done
	if v.Username == "" {
		v.Username = u.Username
	}
	n := h.accounts.Newcomers()
	v.Email.Now, v.Email.Verified, v.Email.Sends, v.Email.Needed = u.Email, u.EmailVerified, n.Mail, n.Verify == authn.VerifyEmail
	v.Phone.Now, v.Phone.Verified, v.Phone.Sends, v.Phone.Needed = u.Phone, u.PhoneVerified, n.Texts, n.Verify == authn.VerifyPhone
	if v.Proof, err = h.asks(r, who); err != nil {
		return err
	}
	html, err := h.in(r).Profile(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// profile does what a form on the profile's page asks for, and shows the page again.
func (h *Web) profile(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	f := r.PostForm
	email, phone, code, proof := f.Get("email"), f.Get("phone"), f.Get("code"), proofOf(r)
	var v pages.Profile
	var done *pages.Message
	var err error
	switch f.Get("action") {
	case "username":
		if _, err = h.accounts.Rename(r.Context(), who, f.Get("username"), proof, h.client(r)); err != nil {
			v.Username = f.Get("username")
		}
		done = pages.Say("profile.username-saved")
	case "send-email":
		v.Email.New = email
		v.Email.Sent, err = h.sendTo(r, who, authn.CodeEmail, email)
	case "send-phone":
		v.Phone.New = phone
		v.Phone.Sent, err = h.sendTo(r, who, authn.CodePhone, phone)
	case "email":
		if _, err = h.accounts.ChangeEmail(r.Context(), who, email, code, proof, h.client(r)); err != nil {
			v.Email.New, v.Email.Sent = email, true
		}
		done = pages.Say("profile.email-confirmed")
	case "phone":
		if _, err = h.accounts.ChangePhone(r.Context(), who, phone, code, proof, h.client(r)); err != nil {
			v.Phone.New, v.Phone.Sent = phone, true
		}
		done = pages.Say("profile.phone-confirmed")
	case "remove-email":
		_, err = h.accounts.ChangeEmail(r.Context(), who, "", "", proof, h.client(r))
		done = pages.Say("profile.email-gone")
	case "remove-phone":
		_, err = h.accounts.ChangePhone(r.Context(), who, "", "", proof, h.client(r))
		done = pages.Say("profile.phone-gone")
	default:
		return fault.New(fault.Invalid, "web.profile", "The form asks for nothing that can be done here.")
	}
	if err != nil {
		v.Problem, v.Refused = registerProblem(r, err), f.Get("action")
		return h.showProfile(w, r, who, reportForm(w, r, err), v)
	}
	v.Done = done
	return h.showProfile(w, r, who, http.StatusOK, v)
}

// sendTo sends the code that proves an address, and answers whether one may be on its way. What is wrong with the address is told beside its input.
func (h *Web) sendTo(r *http.Request, who authn.Principal, purpose, to string) (sent bool, err error) {
	_, err = h.accounts.SendCode(r.Context(), who, authn.CodeRequest{Purpose: purpose, To: to}, h.client(r))
	code, _, _ := fault.Public(err)
	return err == nil || code == "too_many_codes", renamed(err, "to", purpose)
}

// renamed is err with a field called as the form calls it.
func renamed(err error, from, to string) error {
	_, sentence, fields := fault.Public(err)
	if err == nil || len(fields) == 0 {
		return err
	}
	e := fault.As(fault.KindOf(err), "web.profile", err)
	e.Public = sentence
	for _, f := range fields {
		if f.Name == from {
			f.Name = to
		}
		e.Fields = append(e.Fields, f)
	}
	return e
}
