package web

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/form"
)

// installRoutes is what a browser needs to install the pages on a phone or desktop, and to share files with them.
func (h *Web) installRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + pages.ManifestPath: h.manifest,
		"GET " + pages.WorkerPath:   h.worker,
		"POST " + pages.ShareTarget: h.private(h.shareTarget),
		"GET " + pages.ShareTarget:  h.nameBatch,
	}
}

func (h *Web) manifest(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("Content-Type", "application/manifest+json")
	header.Set("Cache-Control", "no-cache")
	header.Set("Vary", "Accept-Language, Cookie")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(h.in(r).Manifest()) // who left does not read it
	return nil
}

func (h *Web) worker(w http.ResponseWriter, _ *http.Request) error {
	a, ok := h.pages.Worker()
	if !ok {
		return fault.New(fault.NotFound, "web.worker", "")
	}
	header := w.Header()
	header.Set("Content-Type", a.MediaType)
	header.Set("Cache-Control", "no-cache") // its name stays when its content changes
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	_, _ = w.Write(a.Content)
	return nil
}

// nameBatch leads from what the worker of the pages put aside to the page that uploads what it is named. A worker takes a form of another site's page
// like one of the system: such a batch is not named, and stays where it is.
func (h *Web) nameBatch(w http.ResponseWriter, r *http.Request) error {
	to := driveAddress(drive.Root)
	if batch := r.URL.Query().Get("batch"); batch != "" && !fromAnotherOrigin(r) {
		to += "?shared=" + url.QueryEscape(batch)
	}
	return redirect(w, r, to)
}

// shareTarget takes what another app shares with the installed pages, where their worker did not (pages/src/share.js): files into the drive itself,
// and words without a file as a text file.
func (h *Web) shareTarget(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	words := map[string]string{"title": "", "text": "", "url": ""}
	_, err := form.Store(r, form.Target{Drives: h.drives, DriveID: who.UserID, Folder: drive.Root, Conflict: drive.Rename,
		Input: func(name, value string) {
			if _, known := words[name]; known { // no others, of which a form may have many
				words[name] = strings.TrimSpace(value)
			}
		}})
	if code, _, _ := fault.Public(err); err != nil && code == "no_file" && (words["text"] != "" || words["url"] != "") {
		err = h.keepWords(r, who, words)
	}
	if err != nil {
		return h.folderProblem(w, r, who, drive.Root, "", err)
	}
	return redirect(w, r, driveAddress(drive.Root))
}

func (h *Web) keepWords(r *http.Request, who authn.Principal, words map[string]string) error {
	text := strings.TrimSpace(words["text"]+"\n"+words["url"]) + "\n"
	path, err := drive.ParsePath("/" + sharedName(words) + ".txt")
	if err != nil {
		return err
	}
	_, _, err = h.drives.Put(r.Context(), who.UserID, path, strings.NewReader(text),
		drive.PutOptions{Size: int64(len(text)), MediaType: "text/plain; charset=utf-8", Conflict: drive.Rename})
	return err
}

// maxSharedName bounds a name made of words, in characters.
const maxSharedName = 60

// sharedName is a file's name made of the title of what was shared, or else of its beginning.
func sharedName(words map[string]string) string {
	for _, from := range [...]string{words["title"], words["url"], words["text"]} {
		name := strings.Map(func(c rune) rune {
			if unicode.IsControl(c) || c == unicode.ReplacementChar || strings.ContainsRune(`/\:*?"<>|`, c) {
				return ' '
			}
			return c
		}, from)
		if letters := []rune(strings.Join(strings.Fields(name), " ")); len(letters) > 0 {
			return strings.TrimSpace(string(letters[:min(len(letters), maxSharedName)]))
		}
	}
	return "Shared"
}
