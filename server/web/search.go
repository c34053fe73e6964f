package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const searchPath = "/search"

// searchRoutes is looking for names.
func (h *Web) searchRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + searchPath: h.private(h.search),
	}
}

// search shows what of the drive has a text in its name, each with where it is.
func (h *Web) search(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	q := r.URL.Query()
	v := pages.Search{Frame: pages.Frame{User: who.Username}, Text: strings.TrimSpace(q.Get("q")), Further: q.Get("after") != ""}
	status := http.StatusOK
	if v.Text != "" {
		hits, err := h.drives.Search(r.Context(), who.UserID, drive.Search{Text: v.Text, In: drive.Root, After: q.Get("after"), Limit: partSize})
		switch {
		case fault.Is(err, fault.Invalid):
			v.Problem, status = problemOf(r, err, false), report(w, r, err)
		case err != nil:
			return err
		}
		if hits.Next != "" {
			v.Next = searchPath + "?" + url.Values{"q": {v.Text}, "after": {hits.Next}}.Encode()
		}
		for _, n := range hits.Nodes {
			v.Hits = append(v.Hits, pages.Hit{Entry: entry(n), Where: string(n.Path.Parent()), In: driveAddress(n.Path.Parent())})
		}
	}
	html, err := h.in(r).Search(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}
