package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/sqldb"
)

// audit shows the audit log.
func (h *Web) audit(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	q := r.URL.Query()
	f := pages.AuditFilter{User: strings.TrimSpace(q.Get("user")), Event: q.Get("event"), Since: q.Get("since"), Until: q.Get("until"), Address: strings.TrimSpace(q.Get("address"))}
	filter, failed := h.auditFilter(r, f)
	var lines []authn.AuditLine
	var next string
	if failed == nil {
		lines, next, failed = h.accounts.AuditLog(r.Context(), filter)
	}
	if failed != nil && !fault.Is(failed, fault.Invalid) {
		return failed
	}
	v := pages.Audit{AdminFrame: adminFrame(r, who, auditPath, failed), Filter: f, Events: authn.AuditEvents(), Lines: auditLines(lines, "")}
	if next != "" {
		v.Next = withQuery(auditPath, "user", f.User, "event", f.Event, "since", f.Since, "until", f.Until, "address", f.Address, "after", next)
	}
	html, err := h.in(r).Audit(v)
	if err != nil {
		return err
	}
	return write(w, adminStatus(w, r, failed), html)
}

// auditFilter reads what was filled in: an account by one of its names, or by its id, which is known also when it is gone; days, the last one included.
func (h *Web) auditFilter(r *http.Request, f pages.AuditFilter) (authn.AuditFilter, error) {
	filter := authn.AuditFilter{After: r.URL.Query().Get("after"), Limit: adminPart, Event: f.Event, Address: f.Address}
	if f.User != "" {
		u, err := h.accounts.UserByLogin(r.Context(), f.User)
		switch {
		case err == nil:
			filter.UserID = u.ID
		case fault.Is(err, fault.NotFound) && sqldb.ValidID(f.User):
			filter.UserID = f.User
		case fault.Is(err, fault.NotFound):
			return filter, wrongFilter("user", "There is no such account.")
		default:
			return filter, err
		}
	}
	for _, day := range [...]struct {
		name, text string
		to         *time.Time
		more       int
	}{{"since", f.Since, &filter.Since, 0}, {"until", f.Until, &filter.Until, 1}} {
		if day.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, day.text)
		if err != nil || t.Year() < 1970 {
			return filter, wrongFilter(day.name, "A day such as 2026-03-01.")
		}
		*day.to = t.AddDate(0, 0, day.more)
	}
	return filter, nil
}

func wrongFilter(field, sentence string) error {
	e := fault.New(fault.Invalid, "web.audit", sentence).WithCode("invalid_fields")
	e.Fields = []fault.Field{{Name: field, Code: "invalid", Message: sentence}}
	return e
}

// auditLines are lines as a page shows them, that of the account with the id here or any other.
func auditLines(lines []authn.AuditLine, here string) []pages.AuditLine {
	all := make([]pages.AuditLine, 0, len(lines))
	for _, l := range lines {
		all = append(all, pages.AuditLine{At: l.At, Event: l.Event, UserID: l.UserID, User: l.Username, ActorID: l.ActorID, Actor: l.ActorName,
			Address: l.Address, Device: pages.Device(l.Device()), Detail: l.Detail, Times: l.Times, Here: l.UserID == here})
	}
	return all
}
