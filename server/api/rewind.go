package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// rewindRoutes puts a drive back to a moment.
func (a *api) rewindRoutes() []route {
	return []route{
		{"GET", v1 + "/rewind", signedIn(a.previewRewind)},
		{"POST", v1 + "/rewind", signedIn(a.rewind)},
	}
}

// rewoundBody is what a rewind does, or did.
type rewoundBody struct {
	Path      string        `json:"path"`
	To        string        `json:"to"`     // moments, as changes have them
	Before    string        `json:"before"` // to go back to from the rewind
	Reach     time.Time     `json:"reach"`
	Restored  rewindingBody `json:"restored"`
	Moved     rewindingBody `json:"moved"`
	Removed   rewindingBody `json:"removed"`
	Rewritten rewindingBody `json:"rewritten"`
	Displaced rewindingBody `json:"displaced"`
	Gone      rewindingBody `json:"gone"`
	Stale     rewindingBody `json:"stale"`
	Obstacle  *obstacleBody `json:"obstacle"` // null for none
}

type rewindingBody struct {
	Count int              `json:"count"`
	Items []rewindItemBody `json:"items"`
}

type rewindItemBody struct {
	Path   string `json:"path"`
	From   string `json:"from,omitempty"`
	Folder bool   `json:"folder"`
}

// obstacleBody is why a rewind would be refused.
type obstacleBody struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func rewoundOf(path drive.Path, r drive.Rewound) rewoundBody {
	list := func(c drive.Rewinding) rewindingBody {
		b := rewindingBody{c.Count, make([]rewindItemBody, 0, len(c.Some))}
		for _, i := range c.Some {
			b.Items = append(b.Items, rewindItemBody{string(i.Path), string(i.From), i.Folder})
		}
		return b
	}
	b := rewoundBody{
		Path: string(path), To: r.To.String(), Before: r.Before.String(), Reach: r.Reach.UTC(),
		Restored: list(r.Restored), Moved: list(r.Moved), Removed: list(r.Removed), Rewritten: list(r.Rewritten),
		Displaced: list(r.Displaced), Gone: list(r.Gone), Stale: list(r.Stale),
	}
	if r.Obstacle != nil {
		code, detail, _ := fault.Public(r.Obstacle)
		b.Obstacle = &obstacleBody{code, detail}
	}
	return b
}

// rewindOf reads which folder is to go back, and to when.
func rewindOf(r *http.Request, path, to string) (drive.Path, drive.Instant, error) {
	if err := required("to", to); err != nil {
		return "", drive.Instant{}, err
	}
	folder, err := pathOf(r, path)
	if err != nil {
		return "", drive.Instant{}, err
	}
	instant, err := drive.ParseInstant(to)
	return folder, instant, err
}

// previewRewind answers what a rewind would do.
func (a *api) previewRewind(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	query := r.URL.Query()
	folder, to, err := rewindOf(r, query.Get("path"), query.Get("to"))
	if err != nil {
		return err
	}
	rewound, err := a.drives.PreviewRewind(r.Context(), p.UserID, folder, to)
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, rewoundOf(folder, rewound))
	return nil
}

// rewind does it. With seen, only if nothing happened since.
func (a *api) rewind(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var path, to, seenText string
	if err := readBody(w, r, fields{"path": &path, "to": &to, "seen": &seenText}); err != nil {
		return err
	}
	folder, instant, err := rewindOf(r, path, to)
	if err != nil {
		return err
	}
	var seen *drive.Moment
	if seenText != "" {
		m, err := drive.ParseMoment(seenText)
		if err != nil {
			return err
		}
		seen = &m
	}
	rewound, err := a.drives.Rewind(r.Context(), p.UserID, folder, instant, seen)
	if err != nil {
		return err
	}
	if err := a.accounts.RecordRewind(context.WithoutCancel(r.Context()), p, fmt.Sprintf("%s to %s, from %s", folder, rewound.To, rewound.Before), a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, rewoundOf(folder, rewound))
	return nil
}
