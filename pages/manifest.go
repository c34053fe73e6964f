package pages

import (
	"encoding/json"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// ManifestPath, WorkerPath and ShareTarget are the addresses of what an installed page needs: the manifest, its service worker,
// and where the system sends what another app shares.
const (
	ManifestPath = "/manifest.webmanifest"
	WorkerPath   = "/share.js" // at the root, since a worker reaches what lies below it
	ShareTarget  = "/share-target"
)

// manifest is a web application manifest (W3C Recommendation track, "Web Application Manifest"), with a share target (W3C, "Web Share Target API").
type manifest struct {
	ID              string             `json:"id"`
	Name            string             `json:"name"`
	ShortName       string             `json:"short_name"`
	Description     string             `json:"description"`
	Lang            catalogue.Language `json:"lang"`
	StartURL        string             `json:"start_url"`
	Scope           string             `json:"scope"`
	Display         string             `json:"display"`
	BackgroundColor string             `json:"background_color"`
	ThemeColor      string             `json:"theme_color"`
	Icons           []icon             `json:"icons"`
	ShareTarget     shareTarget        `json:"share_target"`
}

type icon struct {
	Src     string `json:"src"`
	Type    string `json:"type"`
	Sizes   string `json:"sizes"`
	Purpose string `json:"purpose,omitempty"`
}

type shareTarget struct {
	Action  string `json:"action"`
	Method  string `json:"method"`
	Enctype string `json:"enctype"`
	Params  struct {
		Title string      `json:"title"`
		Text  string      `json:"text"`
		URL   string      `json:"url"`
		Files []shareable `json:"files"`
	} `json:"params"`
}

type shareable struct {
	Name   string   `json:"name"`
	Accept []string `json:"accept"`
}

// Manifest is what a browser needs to install the pages, in the edition's language.
func (e *Edition) Manifest() []byte { return e.manifest }

// newManifest names those of the icons that were built.
func (p *Pages) newManifest(l catalogue.Language, addresses map[string]string) ([]byte, error) {
	description, err := p.catalogue.Say(l, "app.about")
	if err != nil {
		return nil, err
	}
	m := manifest{ID: "/drive/", Name: "Satchel", ShortName: "Satchel", Description: description, Lang: l, StartURL: "/drive/", Scope: "/",
		Display: "standalone", BackgroundColor: "#f7f4ef", ThemeColor: "#f7f4ef"}
	for _, i := range [...]struct{ name, media, sizes, purpose string }{
		{"satchel.svg", "image/svg+xml", "any", ""},
		{"icon-192.png", "image/png", "192x192", ""},
		{"icon-512.png", "image/png", "512x512", ""},
		{"icon-maskable.png", "image/png", "512x512", "maskable"},
	} {
		if address := addresses[i.name]; address != "" {
			m.Icons = append(m.Icons, icon{address, i.media, i.sizes, i.purpose})
		}
	}
	m.ShareTarget = shareTarget{Action: ShareTarget, Method: "POST", Enctype: "multipart/form-data"}
	m.ShareTarget.Params.Title, m.ShareTarget.Params.Text, m.ShareTarget.Params.URL = "title", "text", "url"
	m.ShareTarget.Params.Files = []shareable{{Name: "file", Accept: []string{"*/*"}}}
	return json.Marshal(m)
}

// Worker is the script of the service worker; false if it was not built.
func (p *Pages) Worker() (Asset, bool) {
	return p.worker, len(p.worker.Content) > 0
}
