package web

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// rawPolicy holds for every file: whatever is in it, it runs no script, sends no form, loads nothing from elsewhere,
// and its origin is nobody's (CSP 3, section 6.3.3). Browsers show images, media and text by documents of
// their own, which need the rest.
const rawPolicy = "sandbox; " + rawSources

// mediaPolicy is rawPolicy for what a browser plays. Its player asks for the file once more, which Chromium refuses to
// a document of no origin. Without allow-scripts there is nothing in it that could use ours.
const mediaPolicy = "sandbox allow-same-origin; " + rawSources

const rawSources = "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// raw sends a file's content, whole or in ranges, or that of one of its versions.
func (h *Web) raw(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	if id := r.URL.Query().Get("version"); id != "" {
		return h.rawVersion(w, r, who, path, id)
	}
	node, content, err := h.drives.Open(r.Context(), who.UserID, path)
	if code, _, _ := fault.Public(err); err != nil && code == "is_folder" {
		return redirect(w, r, driveAddress(path))
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if h.handOver(w, r, node, !shows(r)) {
		return nil
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	serveFile(w, r, node, content)
	return nil
}

// rawVersion sends what a file held before. The version's id names it; the path is there for people, and for its name.
func (h *Web) rawVersion(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, id string) error {
	node, version, content, err := h.drives.OpenVersion(r.Context(), who.UserID, id)
	if err != nil {
		return err
	}
	defer content.Close()
	if node.Path != path {
		return fault.New(fault.NotFound, "web.rawVersion", "").WithPath(string(path))
	}
	node.SHA256, node.Size, node.MediaType, node.Modified = version.SHA256, version.Size, version.MediaType, version.Modified
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	serveFile(w, r, node, content)
	return nil
}

// serveFile sends content in a way that it never runs as part of our pages. It goes to http.ServeContent as it is: an *os.File
// reaches the socket by sendfile.
func serveFile(w http.ResponseWriter, r *http.Request, node drive.Node, content io.ReadSeeker) {
	serveFileAs(w, r, node, content, shows(r))
}

// shows reports whether a browser may show what a request asks for, if that is safe.
func shows(r *http.Request) bool { return !r.URL.Query().Has("download") }

// serveFileAs is serveFile; show is whether a browser may show it, if that is safe.
func serveFileAs(w http.ResponseWriter, r *http.Request, node drive.Node, content io.ReadSeeker, show bool) {
	media, inline := serveAs(node.MediaType)
	header := w.Header()
	header.Set("Content-Type", media)
	header.Set("Content-Disposition", disposition(node.Name, inline && show))
	header.Set("Content-Security-Policy", policyFor(media, inline))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	// A browser may keep it, and asks each time whether it is still the same and still allowed.
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", node.ETag())
	http.ServeContent(w, r, "", node.Modified, content)
}

// serveAs answers the Content-Type of stored content, and whether a browser may show it. What it shows is
// only what has no script: images but SVG, audio, video, PDF and plain text.
func serveAs(stored string) (contentType string, inline bool) {
	media, params, err := mime.ParseMediaType(stored)
	if err != nil || !strings.Contains(media, "/") {
		return "application/octet-stream", false
	}
	class, _, _ := strings.Cut(media, "/")
	switch {
	case strings.HasSuffix(media, "+xml"): // SVG above all
	case class == "image", class == "audio", class == "video", media == "application/pdf":
		inline = true
	case media == "text/plain":
		inline = true
		if params["charset"] == "" {
			params["charset"] = "utf-8"
		}
	}
	if contentType = mime.FormatMediaType(media, params); contentType == "" {
		return "application/octet-stream", false
	}
	return contentType, inline
}

func policyFor(media string, inline bool) string {
	if inline && (strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/")) {
		return mediaPolicy
	}
	return rawPolicy
}

// disposition is Content-Disposition (RFC 6266) with the file's name, once in ASCII for old clients and once
// as it is (RFC 8187).
func disposition(name string, inline bool) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	plain := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || strings.ContainsRune(`"\%/`, c) {
			return '_'
		}
		return c
	}, name)
	value := kind + `; filename="` + plain + `"`
	if plain != name {
		value += "; filename*=UTF-8''" + extended(name)
	}
	return value
}

// extended spells s as an ext-value without charset: attr-char stays, all else is escaped (RFC 8187, section 3.2).
func extended(s string) string {
	// QueryEscape leaves letters, digits and "-_.~", all of them attr-char, and writes a space as "+".
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
