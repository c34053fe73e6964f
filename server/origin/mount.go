package origin

import (
	"net/http"
	"net/url"
	"strings"
)

// MountLink is an address of WebDAV with the name and the password that open it, as one text for a QR code:
// davs://NAME:PASSWORD@HOST/PATH, or dav:// without TLS. These schemes are GNOME's and KDE's, and other clients know them too. path begins and ends
// with a slash.
func (o Origin) MountLink(r *http.Request, path, name, password string) string {
	base, err := url.Parse(o.Base(r))
	if err != nil {
		return "" // no request has such a host
	}
	base.Scheme = strings.Replace(base.Scheme, "http", "dav", 1)
	base.User = url.UserPassword(name, password)
	base.Path += path
	return base.String()
}
