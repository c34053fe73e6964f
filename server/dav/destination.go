package dav

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// parseDestination reads the Destination header (RFC 4918, section 10.3): an absolute URL or a path. Behind a
// proxy its scheme and host are those that the outside sees, so any of hosts will do, and the scheme does
// not matter. Another host is 502; a place on this server outside of prefix is Forbidden.
func parseDestination(header http.Header, prefix string, hosts ...string) (place, error) {
	value := header.Get("Destination")
	if value == "" {
		return place{}, fault.New(fault.Invalid, "dav.parseDestination", "The Destination header is missing.").WithCode("invalid_destination")
	}
	u, err := url.Parse(value)
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.RawQuery != "" || !strings.HasPrefix(u.Path, "/") || u.Scheme != "" && u.Host == "" {
		return place{}, fault.New(fault.Invalid, "dav.parseDestination", "The Destination header is not a URL.").WithCode("invalid_destination")
	}
	if u.Host != "" && !sameHost(u.Host, hosts) {
		return place{}, &problem{status: http.StatusBadGateway,
			err: fault.New(fault.Forbidden, "dav.parseDestination", "The destination is on another server.").WithCode("destination_elsewhere")}
	}
	at, ok, err := locate(prefix, u.EscapedPath())
	if err == nil && !ok {
		err = fault.New(fault.Forbidden, "dav.parseDestination", "The destination is not in this drive.").WithCode("destination_elsewhere")
	}
	return at, err
}

// sameHost reports whether host is one of ours, ports that are a scheme's own left out.
func sameHost(host string, ours []string) bool {
	for _, our := range ours {
		if our != "" && strings.EqualFold(withoutPort(host), withoutPort(our)) {
			return true
		}
	}
	return false
}

func withoutPort(hostport string) string {
	if host, port, err := net.SplitHostPort(hostport); err == nil && (port == "80" || port == "443" || port == "") {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return hostport
}

// parseOverwrite reads the Overwrite header (section 10.6). Absent is T: Finder sends none.
func parseOverwrite(header http.Header) (bool, error) {
	switch value := strings.TrimSpace(header.Get("Overwrite")); {
	case value == "", strings.EqualFold(value, "T"):
		return true, nil
	case strings.EqualFold(value, "F"):
		return false, nil
	}
	return false, fault.New(fault.Invalid, "dav.parseOverwrite", "Overwrite must be T or F.").WithCode("invalid_overwrite")
}
