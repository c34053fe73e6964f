package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/sqldb"
)

const rewindPath = "/rewind"

// rewindRoutes is the drive, or a folder of it, as it was at a moment.
func (h *Web) rewindRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + rewindPath:  h.private(h.rewind),
		"POST " + rewindPath: h.private(h.doRewind),
	}
}

// rewind asks for a moment, or tells what a rewind to one would do, or did.
func (h *Web) rewind(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	query := r.URL.Query()
	path, err := drive.ParsePath(query.Get("path"))
	if err != nil {
		return err
	}
	switch {
	case query.Has("done"):
		return h.rewound(w, r, who, path)
	case query.Has("to"), query.Get("at") != "":
		return h.previewRewind(w, r, who, path, query, nil)
	}
	return h.chooseMoment(w, r, who, path, nil)
}

// rewindTo reads the moment of a form: to, as the API has it, or what was typed as at, in UTC.
func rewindTo(form url.Values) (string, drive.Instant, error) {
	text := form.Get("to")
	if at := form.Get("at"); text == "" && at != "" {
		text = at + ":00Z"
		if len(at) > len("2006-01-02T15:04") { // with seconds
			text = at + "Z"
		}
	}
	to, err := drive.ParseInstant(text)
	return text, to, err
}

// rewindPage is what all states of the page have.
func rewindPage(who authn.Principal, path drive.Path) pages.Rewind {
	return pages.Rewind{Frame: pages.Frame{User: who.Username}, Folder: string(path), Name: path.Name(), Crumbs: crumbs(path)}
}

// chooseMoment asks for a moment. err is why the last one could not be looked at.
func (h *Web) chooseMoment(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, err error) error {
	v, status := rewindPage(who, path), http.StatusOK
	if err != nil {
		v.Problem, status = problemOf(r, err, false), report(w, r, err)
	}
	if v.Reach, err = h.drives.Reach(r.Context(), who.UserID); err != nil {
		return err
	}
	v.Now = time.Now()
	for _, p := range []struct {
		words *pages.Message
		ago   time.Duration
	}{
		{pages.Say("rewind.preset.minutes"), 10 * time.Minute}, {pages.Say("rewind.preset.hour"), time.Hour}, {pages.Say("rewind.preset.day"), 24 * time.Hour},
		{pages.Say("rewind.preset.days"), 3 * 24 * time.Hour}, {pages.Say("rewind.preset.week"), 7 * 24 * time.Hour},
	} {
		if at := v.Now.Add(-p.ago); !at.Before(v.Reach) {
			v.Presets = append(v.Presets, pages.RewindPreset{Words: p.words, At: at, Address: rewindAddress(path, "to", at.UTC().Format(time.RFC3339))})
		}
	}
	return h.showRewind(w, r, status, v)
}

// previewRewind tells what a rewind would do. refused is why one did nothing.
func (h *Web) previewRewind(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, form url.Values, refused error) error {
	text, to, err := rewindTo(form)
	if err != nil {
		return h.chooseMoment(w, r, who, path, err)
	}
	rewound, err := h.drives.PreviewRewind(r.Context(), who.UserID, path, to)
	if fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil {
		return h.chooseMoment(w, r, who, path, err)
	}
	v, status := rewindPage(who, path), http.StatusOK
	v.Seen = rewindSeen(r, text, to, rewound)
	v.Seen.Back = rewindAddress(path)
	if refused != nil {
		v.Problem, status = problemOf(r, refused, false), report(w, r, refused)
		v.Seen.Problem = nil
	}
	return h.showRewind(w, r, status, v)
}

func rewindSeen(r *http.Request, text string, to drive.Instant, rewound drive.Rewound) *pages.RewindSeen {
	s := &pages.RewindSeen{To: text, When: to.Time, Before: rewound.Before.String(), Nothing: rewound.Nothing()}
	if s.When.IsZero() {
		s.When = sqldb.Time(to.Moment.At)
		if to.Moment.At == 0 { // before the first change
			s.When = rewound.Reach
		}
	}
	if rewound.Obstacle != nil {
		s.Problem = problemOf(r, rewound.Obstacle, false)
	}
	add := func(to *[]pages.RewindKind, words *pages.Message, c drive.Rewinding) {
		if c.Count == 0 {
			return
		}
		k := pages.RewindKind{Words: words, More: c.Count - len(c.Some)}
		for _, i := range c.Some {
			item := pages.RewindItem{Path: string(i.Path), From: string(i.From), Icon: "file"}
			if i.From == i.Path {
				item.From = ""
			}
			if i.Folder {
				item.Icon = "folder"
			}
			k.Items = append(k.Items, item)
		}
		*to = append(*to, k)
	}
	add(&s.Does, pages.Say("rewind.restored", "count", rewound.Restored.Count), rewound.Restored)
	add(&s.Does, pages.Say("rewind.moved", "count", rewound.Moved.Count), rewound.Moved)
	add(&s.Does, pages.Say("rewind.rewritten", "count", rewound.Rewritten.Count), rewound.Rewritten)
	add(&s.Does, pages.Say("rewind.removed", "count", rewound.Removed.Count), rewound.Removed)
	add(&s.Leaves, pages.Say("rewind.displaced", "count", rewound.Displaced.Count), rewound.Displaced)
	add(&s.Leaves, pages.Say("rewind.gone", "count", rewound.Gone.Count), rewound.Gone)
	add(&s.Leaves, pages.Say("rewind.stale", "count", rewound.Stale.Count), rewound.Stale)
	return s
}

// doRewind puts things back, as they were seen, and tells on a page of its own how many.
func (h *Web) doRewind(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	path, err := drive.ParsePath(r.PostForm.Get("path"))
	if err != nil {
		return err
	}
	_, to, err := rewindTo(r.PostForm)
	if err != nil {
		return h.chooseMoment(w, r, who, path, err)
	}
	seen, err := drive.ParseMoment(r.PostForm.Get("seen"))
	if err != nil {
		return err
	}
	done, err := h.drives.Rewind(r.Context(), who.UserID, path, to, &seen)
	if fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil {
		return h.previewRewind(w, r, who, path, r.PostForm, err)
	}
	if err := h.accounts.RecordRewind(context.WithoutCancel(r.Context()), who, fmt.Sprintf("%s to %s, from %s", path, done.To, done.Before), h.client(r)); err != nil {
		return err
	}
	count := done.Restored.Count + done.Moved.Count + done.Rewritten.Count + done.Removed.Count
	left := done.Displaced.Count + done.Gone.Count + done.Stale.Count
	return redirect(w, r, rewindAddress(path, "done", done.Before.String(), "count", strconv.Itoa(count), "left", strconv.Itoa(left)))
}

// rewound tells what was done, and the way back.
func (h *Web) rewound(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	query := r.URL.Query()
	before, err := drive.ParseMoment(query.Get("done"))
	if err != nil {
		return err
	}
	count, err1 := strconv.ParseUint(query.Get("count"), 10, 31)
	left, err2 := strconv.ParseUint(query.Get("left"), 10, 31)
	if err := cmp.Or(err1, err2); err != nil {
		return fault.As(fault.Invalid, "web.rewound", err)
	}
	v := rewindPage(who, path)
	v.Done = &pages.RewindDone{Count: int(count), Left: int(left), Folder: driveAddress(path), Undo: rewindAddress(path, "to", before.String())}
	return h.showRewind(w, r, http.StatusOK, v)
}

func (h *Web) showRewind(w http.ResponseWriter, r *http.Request, status int, v pages.Rewind) error {
	html, err := h.in(r).Rewind(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// rewindAddress is the page for a folder, with more of the query in pairs.
func rewindAddress(path drive.Path, pairs ...string) string {
	query := url.Values{}
	if path != drive.Root {
		query.Set("path", string(path))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	if len(query) == 0 {
		return rewindPath
	}
	return rewindPath + "?" + query.Encode()
}
