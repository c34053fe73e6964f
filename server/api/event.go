package api

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/server/answer"
)

// eventRoutes is what the receiver of events has not taken.
func (a *api) eventRoutes() []route {
	return []route{
		{"GET", v1 + "/admin/events", asAdmin(a.listEvents)},
		{"POST", v1 + "/admin/events/retry", asAdmin(a.retryEvents)},
		{"POST", v1 + "/admin/events/resume", asAdmin(a.resumeEvents)},
		{"POST", v1 + "/admin/events/{id}/retry", asAdmin(a.retryEvent)},
	}
}

// eventBody is an event of anybody's drive, without the node's name and place.
type eventBody struct {
	ID       string     `json:"id"`
	Type     string     `json:"type"`
	User     *nameBody  `json:"user"`
	Sequence int64      `json:"sequence"`
	Node     string     `json:"node"`
	At       time.Time  `json:"at"`
	Since    time.Time  `json:"since"`
	Tries    int        `json:"tries"`
	Failure  string     `json:"failure"`
	Dead     *time.Time `json:"dead_at"`
}

type eventsBody struct {
	Waiting int64      `json:"waiting"`
	Dead    int64      `json:"dead"`
	Oldest  *time.Time `json:"oldest_at"`
	Paused  *time.Time `json:"paused_at"`
	pageBody[eventBody]
}

func (a *api) listEvents(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	query := r.URL.Query()
	limit, err := limitOf(query)
	if err != nil {
		return err
	}
	all, err := a.events.Letters(r.Context(), hooks.LetterFilter{State: query.Get("state"), After: query.Get("after"), Limit: limit})
	if err != nil {
		return err
	}
	standing, err := a.events.Standing(r.Context())
	if err != nil {
		return err
	}
	ids := make([]string, len(all))
	for i, l := range all {
		ids[i] = l.DriveID
	}
	names, err := a.accounts.Usernames(r.Context(), ids)
	if err != nil {
		return err
	}
	body := eventsBody{Waiting: standing.Waiting, Dead: standing.Dead, Oldest: timeOrNull(standing.Oldest), Paused: timeOrNull(standing.Paused),
		pageBody: pageBody[eventBody]{Items: make([]eventBody, len(all))}}
	for i, l := range all {
		body.Items[i] = eventBody{l.ID, l.Type, nameOf(l.DriveID, names[l.DriveID]), l.Sequence, l.NodeID, l.At.UTC(), l.Since.UTC(), l.Tries, l.Failure, timeOrNull(l.Dead)}
	}
	if len(all) == limit { // the next page may be empty
		body.Next = all[limit-1].ID
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// retryEvent has one event sent again. The audit log tells it first.
func (a *api) retryEvent(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	l, err := a.events.Letter(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.accounts.Administer(p, a.client(r)).RecordEventsRetried(r.Context(), l.ID); err != nil {
		return err
	}
	return a.administered(w, r, a.events.Retry(r.Context(), l.ID))
}

// retryEvents has all dead letters sent again.
func (a *api) retryEvents(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.Administer(p, a.client(r)).RecordEventsRetried(r.Context(), "dead"); err != nil {
		return err
	}
	n, err := a.events.RetryAll(r.Context())
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, struct {
		Events int64 `json:"events"`
	}{n})
	return nil
}

// resumeEvents goes on after the receiver answered 410.
func (a *api) resumeEvents(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.Administer(p, a.client(r)).RecordEventsRetried(r.Context(), "paused"); err != nil {
		return err
	}
	_, err := a.events.Resume(r.Context())
	return a.administered(w, r, err)
}
