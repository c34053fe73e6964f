package api

import (
	"net/http"
	"net/url"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// auditBody is a line of the audit log.
type auditBody struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Event     string    `json:"event"`
	User      *nameBody `json:"user"`  // whose account; null for none
	Actor     *nameBody `json:"actor"` // who did it; null for strangers and the command line
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent"`
	Detail    string    `json:"detail"`
	Times     int64     `json:"times"`
}

// nameBody is an account by its name, which is empty when it is gone.
type nameBody struct {
	ID       string `json:"id"`
	Username string `json:"username"`
}

func nameOf(id, username string) *nameBody {
	if id == "" {
		return nil
	}
	return &nameBody{id, username}
}

// activityBody is a line of the audit log as the user sees it whom it is about.
type activityBody struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Event     string    `json:"event"`
	By        string    `json:"by"` // activityBy
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent"`
	Detail    string    `json:"detail"`
	Times     int64     `json:"times"`
}

// activityBy is who did something to the account of a user.
func activityBy(l authn.AuditLine) string {
	switch l.ActorID {
	case l.UserID:
		return "you"
	case "":
		return "" // somebody who did not prove to be anyone, or the command line
	}
	return "administrator"
}

func activityOf(l authn.AuditLine) activityBody {
	return activityBody{l.ID, l.At.UTC(), l.Event, activityBy(l), l.Address, l.UserAgent, l.Detail, l.Times}
}

type pageBody[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // the after of the next page, if there is more
}

// auditFilter reads the query.
func auditFilter(query url.Values) (f authn.AuditFilter, err error) {
	f = authn.AuditFilter{After: query.Get("after"), UserID: query.Get("user"), Event: query.Get("event"), Address: query.Get("address")}
	if f.Limit, err = limitOf(query); err != nil {
		return f, err
	}
	for name, to := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		if *to, err = time.Parse(time.RFC3339, text); err != nil || to.Year() < 1970 || to.Year() > 9999 {
			return f, invalid("invalid_fields", []fault.Field{{Name: name, Code: "invalid", Message: "A time such as 2026-03-01T12:00:00Z (RFC 3339)."}})
		}
	}
	return f, nil
}

func (a *api) auditLog(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	filter, err := auditFilter(r.URL.Query())
	if err != nil {
		return err
	}
	lines, next, err := a.accounts.AuditLog(r.Context(), filter)
	if err != nil {
		return err
	}
	body := pageBody[auditBody]{Items: make([]auditBody, len(lines)), Next: next}
	for i, l := range lines {
		body.Items[i] = auditBody{l.ID, l.At.UTC(), l.Event, nameOf(l.UserID, l.Username), nameOf(l.ActorID, l.ActorName), l.Address, l.UserAgent, l.Detail, l.Times}
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// ownActivity answers what the audit log tells about the caller's own account.
func (a *api) ownActivity(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	filter, err := auditFilter(r.URL.Query())
	if err != nil {
		return err
	}
	lines, next, err := a.accounts.OwnActivity(r.Context(), p.UserID, filter)
	if err != nil {
		return err
	}
	body := pageBody[activityBody]{Items: make([]activityBody, len(lines)), Next: next}
	for i, l := range lines {
		body.Items[i] = activityOf(l)
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}
