package web

import (
	"net/http"
	"net/url"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	dataPath     = accountPath + "/data"
	leavePath    = dataPath + "/delete"
	activityPath = accountPath + "/activity"
)

// ownDataRoutes is what users do with all that is theirs.
func (h *Web) ownDataRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + dataPath:     h.private(h.data),
		"GET " + leavePath:    h.private(h.askLeave),
		"POST " + leavePath:   h.private(h.leave),
		"GET " + activityPath: h.private(h.activity),
	}
}

func (h *Web) data(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	usage, err := h.drives.Usage(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	html, err := h.in(r).Data(pages.Data{AccountFrame: accountFrame(who, dataPath), Usage: pages.Usage{Used: usage.Used, Quota: usage.Quota}})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

func (h *Web) askLeave(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showLeave(w, r, who, http.StatusOK, nil)
}

func (h *Web) showLeave(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, problem *pages.Problem) error {
	usage, err := h.drives.Usage(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	proof, err := h.asks(r, who)
	if err != nil {
		return err
	}
	html, err := h.in(r).Leave(pages.Leave{Frame: pages.Frame{User: who.Username, Problem: problem}, Proof: proof, Usage: pages.Usage{Used: usage.Used, Quota: usage.Quota}})
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// leave deletes the account, once its owner has shown who they are.
func (h *Web) leave(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	if err := h.accounts.DeleteOwn(r.Context(), who, proofOf(r), h.client(r)); err != nil {
		return h.showLeave(w, r, who, reportForm(w, r, err), problemOf(r, err, false))
	}
	h.clearCookie(w, r)
	html, err := h.in(r).Farewell(pages.Frame{})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

// activityPart is how many lines a page of activity has.
const activityPart = 50

func (h *Web) activity(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	lines, next, err := h.accounts.OwnActivity(r.Context(), who.UserID, authn.AuditFilter{After: r.URL.Query().Get("after"), Limit: activityPart})
	if err != nil {
		return err
	}
	v := pages.Activity{AccountFrame: accountFrame(who, activityPath)}
	if next != "" {
		v.Next = activityPath + "?after=" + url.QueryEscape(next)
	}
	for _, l := range lines {
		v.Lines = append(v.Lines, pages.ActivityLine{At: l.At, Event: l.Event, ByAdministrator: l.ActorID != "" && l.ActorID != l.UserID,
			Address: l.Address, Device: pages.Device(l.Device()), Detail: l.Detail, Times: l.Times})
	}
	html, err := h.in(r).Activity(v)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}
