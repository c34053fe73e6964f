package authn

import "strings"

// Device is the program and the system that a session is used with, as far as its user agent tells.
type Device struct{ Program, System string }

// String names both: "Firefox on Windows", "rclone". It is empty if neither is known.
func (d Device) String() string {
	switch {
	case d.Program == "":
		return d.System
	case d.System == "":
		return d.Program
	}
	return d.Program + " on " + d.System
}

// deviceOf tells a program and its system by the user agent (RFC 9110, section 10.1.5). It is only shown: whoever
// sends a user agent may write what they like.
func deviceOf(userAgent string) Device {
	program, system := "", ""
	// What is Edge says that it is Chrome too, and Chrome that it is Safari.
	for _, p := range [...]struct{ mark, name string }{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(userAgent, p.mark) {
			program = p.name
			break
		}
	}
	for _, s := range [...]struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Mac OS X", "Mac"}, {"Macintosh", "Mac"}, {"Darwin", "Apple"}, {"Linux", "Linux"},
	} {
		if strings.Contains(userAgent, s.mark) {
			system = s.name
			break
		}
	}
	if program == "" && !strings.HasPrefix(userAgent, "Mozilla/") {
		program, _, _ = strings.Cut(userAgent, "/") // the first product
		program, _, _ = strings.Cut(program, " (")
		program = strings.TrimSpace(shown(program, 48))
	}
	return Device{program, system}
}
