package answer

import "strings"

// capabilities begin addresses whose next name opens what it names to whoever has it: shares, download links, drop boxes.
var capabilities = [...]string{"/s/", "/d/", "/drop/"}

// LogPath is the path of a request as a log may hold it: what opens something to whoever knows it is left out.
func LogPath(path string) string {
	for _, prefix := range capabilities {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok || rest == "" {
			continue
		}
		_, below, more := strings.Cut(rest, "/")
		if more {
			below = "/" + below
		}
		return prefix + "…" + below
	}
	return path
}
