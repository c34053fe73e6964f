package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	sessionsPath = accountPath + "/sessions"
	passwordPath = accountPath + "/password"
)

// sessionRoutes is where one is signed in, and the password.
func (h *Web) sessionRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + sessionsPath: h.private(func(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
			return h.showSessions(w, r, who, nil, nil)
		}),
		"POST " + sessionsPath: h.private(h.endSessions),
		"GET " + passwordPath: h.private(func(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
			return h.showPassword(w, r, http.StatusOK, who, nil, nil)
		}),
		"POST " + passwordPath: h.private(h.changePassword),
	}
}

// showSessions shows them with what the last form did, or why it did not.
func (h *Web) showSessions(w http.ResponseWriter, r *http.Request, who authn.Principal, done *pages.Message, failed error) error {
	all, err := h.accounts.Sessions(r.Context(), who)
	if err != nil {
		return err
	}
	status, v := http.StatusOK, pages.Sessions{AccountFrame: accountFrame(who, sessionsPath)}
	v.Done = done
	if failed != nil {
		status, v.Problem = report(w, r, failed), problemOf(r, failed, false)
	}
	for _, s := range all {
		v.Items = append(v.Items, pages.Session{ID: s.ID, Device: pages.Device(s.Device), Address: s.Address, App: s.Kind == "token",
			Created: s.Created, Seen: s.Seen, Current: s.Current})
	}
	html, err := h.in(r).Sessions(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

func (h *Web) endSessions(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	switch r.PostForm.Get("action") {
	case "end":
		if err := h.accounts.EndSession(r.Context(), who, r.PostForm.Get("id"), h.client(r)); err != nil {
			return h.showSessions(w, r, who, nil, err)
		}
		return h.showSessions(w, r, who, pages.Say("session.ended"), nil)
	case "end-others":
		n, err := h.accounts.EndSessions(r.Context(), who, false, h.client(r))
		if err != nil {
			return h.showSessions(w, r, who, nil, err)
		}
		return h.showSessions(w, r, who, pages.Say("session.others-ended", "number", n), nil)
	}
	return fault.New(fault.Invalid, "web.endSessions", "The form asks for nothing that can be done here.")
}

func (h *Web) showPassword(w http.ResponseWriter, r *http.Request, status int, who authn.Principal, done *pages.Message, problem *pages.Problem) error {
	proof, err := h.asks(r, who)
	if err != nil {
		return err
	}
	v := pages.Password{AccountFrame: accountFrame(who, passwordPath), Proof: proof, Username: who.Username, MinPassword: authn.MinPassword}
	v.Done, v.Problem = done, problem
	html, err := h.in(r).Password(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

func (h *Web) changePassword(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	err := h.accounts.ChangePassword(r.Context(), who, proofOf(r), r.PostForm.Get("new_password"), h.client(r))
	if err != nil {
		return h.showPassword(w, r, reportForm(w, r, err), who, nil, problemOf(r, err, false))
	}
	return h.showPassword(w, r, http.StatusOK, who, pages.Say("password.changed"), nil)
}
