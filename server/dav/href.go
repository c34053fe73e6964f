package dav

import (
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// place is a resource as a client named it.
type place struct {
	path  drive.Path // names as the client spelled them, which may differ from the stored ones in normalisation
	href  string     // percent-encoded, from the server's root, without a slash at the end: "/dav/a%20b"
	slash bool       // the client put a slash at the end: it means a folder
}

// locate reads a URL's escaped path below prefix ("/dav/"). ok is false if it is not below. The names are
// taken apart before they are decoded, so that an encoded slash is not one (and no name either: Invalid).
func locate(prefix, escaped string) (at place, ok bool, err error) {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok {
		if escaped+"/" != prefix {
			return place{}, false, nil
		}
		rest = ""
	}
	at = place{href: strings.TrimSuffix(prefix, "/"), slash: strings.HasSuffix(escaped, "/")}
	var names strings.Builder
	names.Grow(len(rest) + 1)
	for raw := range strings.SplitSeq(rest, "/") {
		if raw == "" {
			continue
		}
		name, err := url.PathUnescape(raw)
		if err != nil {
			return place{}, true, fault.As(fault.Invalid, "dav.locate", err)
		}
		if err := drive.CheckName(name); err != nil {
			return place{}, true, err
		}
		names.WriteByte('/')
		names.WriteString(name)
		at.href += "/" + encodeName(raw, name)
	}
	at.path, err = drive.ParsePath(names.String())
	return at, true, err
}

// encodeName keeps a client's own spelling of a name if all of it may stand in an href, so that what is
// listed begins with what was asked for.
func encodeName(raw, name string) string {
	for i := 0; i < len(raw); i++ {
		if c := raw[i]; c != '%' && !hrefByte(c) && !strings.ContainsRune("$+,:;=@", rune(c)) {
			return string(appendHref(nil, name))
		}
	}
	return raw
}

// hrefByte reports whether c stands for itself in an href: what encodeURIComponent leaves as it is.
func hrefByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '-', '_', '.', '!', '~', '*', '\'', '(', ')':
		return true
	}
	return false
}

// appendHref percent-encodes a path or a name. The result needs no escaping in XML.
func appendHref(b []byte, path string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(path); i++ {
		if c := path[i]; hrefByte(c) || c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// hrefOf is the address of any path in the drive, without a slash at the end unless it is the root. What is above the caller's folder
// has the folder's.
func (h *Handler) hrefOf(path drive.Path) string {
	if h.top != "" {
		path = path.Below(h.top)
	}
	return string(appendHref([]byte(strings.TrimSuffix(h.o.Prefix, "/")), string(path)))
}
