package dav

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/webdav"

	"github.com/satchelhq/satchel/drive"
)

// proppatch sets and removes properties, all of them or none (RFC 4918, section 9.2). Those that nobody
// knows are kept as they were sent; of the live ones only the time of last change can be set, by any of the
// names that clients have for it.
func (q *request) proppatch() error {
	body, err := readBody(q.r)
	if err != nil {
		return err
	}
	patches, err := parsePropertyUpdate(body)
	if err != nil {
		return err
	}
	guard, err := q.guard(q.r.Context())
	if err != nil {
		return err
	}
	work := sortPatches(patches)
	if err := q.confirmChecksums(q.r.Context(), &work, &guard); err != nil {
		return err
	}
	if len(work.refused) == 0 {
		err = q.h.o.Drives.PatchProperties(q.r.Context(), q.driveID, q.at.path, work.set, work.remove, work.modified, guard)
	} else {
		_, err = q.h.o.Drives.Stat(q.r.Context(), q.driveID, q.at.path)
	}
	if err != nil {
		return err
	}
	q.writePatched(patches, work.refused)
	return nil
}

// patchWork is a PROPPATCH sorted into what package drive does.
type patchWork struct {
	set, remove []drive.Property
	modified    time.Time
	checksums   *patch            // sets the checksums of the content; nil if nobody does
	refused     []webdav.Propstat // one property each
}

func sortPatches(patches []patch) patchWork {
	var w patchWork
	refuse := func(p patch, status int, condition string) {
		stat := webdav.Propstat{Props: []webdav.Property{{XMLName: p.property.XMLName}}, Status: status}
		if condition != "" {
			stat.XMLError = "<D:" + condition + "/>"
		}
		w.refused = append(w.refused, stat)
	}
	for _, p := range patches {
		name := p.property.XMLName
		switch {
		case isTime(name) && !p.remove:
			modified, ok := parseModified(p.text)
			if !ok {
				refuse(p, http.StatusConflict, "") // section 9.2.1
				continue
			}
			w.modified = modified
		case isTime(name) && name != dav("getlastmodified"): // a file always has one
		case name == oc("checksums") && !p.remove:
			w.checksums = &p
		case live(name) != nil:
			refuse(p, http.StatusForbidden, "cannot-modify-protected-property")
		case p.remove:
			w.remove = append(w.remove, drive.Property{Namespace: name.Space, Name: name.Local})
		default:
			w.set = append(w.set, drive.Property{
				Namespace: name.Space, Name: name.Local, Language: p.property.Lang, Value: string(p.property.InnerXML),
			})
		}
	}
	return w
}

// isTime reports whether a property is the time of last change: DAV:lastmodified is what rclone sets, and
// Win32LastModifiedTime Explorer.
func isTime(name xml.Name) bool {
	return name == dav("getlastmodified") || name == dav("lastmodified") ||
		name == xml.Name{Space: microsoft, Local: "Win32LastModifiedTime"}
}

// parseModified reads an HTTP date, an RFC 3339 time or seconds since 1970.
func parseModified(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if t, err := http.ParseTime(text); err == nil && t.Unix() > 0 {
		return t.UTC(), true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil && t.Unix() > 0 && t.UTC().Year() <= 9999 {
		return t.UTC().Truncate(time.Microsecond), true
	}
	t := clientTime(text)
	return t, !t.IsZero()
}

// outcome is what became of every property: 200 or, if one was refused, 424 for those that were not.
func outcome(patches []patch, refused []webdav.Propstat) []webdav.Propstat {
	rest := webdav.Propstat{Status: http.StatusOK}
	if len(refused) > 0 {
		rest.Status = webdav.StatusFailedDependency
	}
	for _, p := range patches {
		if !slices.ContainsFunc(refused, func(stat webdav.Propstat) bool { return stat.Props[0].XMLName == p.property.XMLName }) {
			rest.Props = append(rest.Props, p.property)
		}
	}
	if len(rest.Props) > 0 {
		refused = append(refused, rest)
	}
	return refused
}

func (q *request) writePatched(patches []patch, refused []webdav.Propstat) {
	names := make([]xml.Name, len(patches))
	for i, p := range patches {
		names[i] = p.property.XMLName
	}
	m := newMultistatus(q.w, names)
	href := q.at.href
	if q.at.slash {
		href += "/"
	}
	m.open(href)
	m.propstats(outcome(patches, refused))
	m.close()
	m.end()
}
