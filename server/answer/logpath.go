package answer

import (
	"net/url"
	"path"
	"strings"
)

// capabilities begin addresses whose next name opens what it names to whoever has it: shares, download links, drop boxes.
var capabilities = [...]string{"/s/", "/d/", "/drop/"}

// LogPath is the path of a request as a log may hold it: what opens something to whoever knows it is left out, however many slashes
// and dots are around it.
func LogPath(asked string) string {
	clean := path.Clean("/" + asked)
	if strings.HasSuffix(asked, "/") && clean != "/" {
		clean += "/"
	}
	for _, prefix := range capabilities {
		rest, ok := strings.CutPrefix(clean, prefix)
		if !ok || rest == "" {
			continue
		}
		_, below, more := strings.Cut(rest, "/")
		if more {
			below = "/" + below
		}
		return prefix + "…" + below
	}
	if strings.Contains(asked, "..") { // what it steps out of may be such an address
		return clean
	}
	return asked
}

// LogReferer is the address that a request came from as a log may hold it: without a query and what opens something. It is "" for what is
// no address of the web.
func LogReferer(referer string) string {
	u, err := url.Parse(referer)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: LogPath(u.Path)}).String()
}
