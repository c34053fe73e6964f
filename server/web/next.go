package web

import (
	"net/url"
	"strings"
	"unicode"
)

const loginPath = "/login"

// maxNext bounds an address to go on to: a drive path with every byte escaped, and a query.
const maxNext = 16 << 10

// localNext answers the address to go on to after signing in if it is one of a page or file of ours, else an
// empty string. What a browser might read as another site's, or as another route of ours, is not.
func localNext(s string) string {
	if len(s) > maxNext || strings.ContainsFunc(s, func(c rune) bool { return c == '\\' || c == unicode.ReplacementChar || unicode.IsControl(c) }) {
		return ""
	}
	if !strings.HasPrefix(s, drivePrefix) && !strings.HasPrefix(s, rawPrefix) && !strings.HasPrefix(s, viewPrefix) &&
		s != accountPath && !strings.HasPrefix(s, accountPath+"/") && !isPage(s, trashPath) && !isPage(s, rewindPath) && !isPage(s, searchPath) &&
		!isPage(s, adminPath) && !strings.HasPrefix(s, adminPath+"/") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" {
		return ""
	}
	// Browsers resolve dot segments, also escaped ones, which would lead out of the prefix.
	for name := range strings.SplitSeq(u.Path, "/") {
		if name == "." || name == ".." {
			return ""
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

// isPage reports whether an address is that of a page, with a query or without.
func isPage(s, path string) bool { return s == path || strings.HasPrefix(s, path+"?") }

// loginAddress is the page to sign in on, from which it goes on to next.
func loginAddress(next string) string {
	if next = localNext(next); next == "" || next == drivePrefix {
		return loginPath
	}
	return loginPath + "?next=" + url.QueryEscape(next)
}
