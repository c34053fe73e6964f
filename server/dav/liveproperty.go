package dav

import (
	"encoding/xml"
	"strconv"

	"github.com/satchelhq/satchel/drive"
)

// microsoft is the namespace of the properties that Explorer keeps.
const microsoft = "urn:schemas-microsoft-com:"

// liveProperty is one that the server knows by itself. None of them can be set, but for the time of last change.
type liveProperty struct {
	name xml.Name
	// all says that an allprop answer holds it. Quota is not among them (RFC 4331, section 3): some Finders
	// stall for a minute and a half over it.
	all bool
	has func(l *listing, n *drive.Node) bool
	// value appends the property's inner XML.
	value func(b []byte, l *listing, n *drive.Node) []byte
}

func ofBoth(*listing, *drive.Node) bool     { return true }
func ofFile(_ *listing, n *drive.Node) bool { return !n.Folder }
func usage(l *listing, n *drive.Node) bool  { return n.Folder && !l.noQuota }

// liveProperties are all of them, in the order in which allprop answers.
var liveProperties = append([]liveProperty{
	{dav("resourcetype"), true, ofBoth, func(b []byte, _ *listing, n *drive.Node) []byte {
		if n.Folder {
			b = append(b, "<D:collection/>"...)
		}
		return b
	}},
	{dav("displayname"), true, ofBoth, func(b []byte, l *listing, n *drive.Node) []byte {
		if n.Name == "" {
			return appendText(b, l.rootName)
		}
		return appendText(b, n.Name)
	}},
	{dav("creationdate"), true, func(_ *listing, n *drive.Node) bool { return !n.Created.IsZero() }, func(b []byte, _ *listing, n *drive.Node) []byte {
		return appendISODate(b, n.Created.UTC())
	}},
	{dav("getlastmodified"), true, dated, appendModified},
	{dav("getcontentlength"), true, ofFile, func(b []byte, _ *listing, n *drive.Node) []byte {
		return strconv.AppendInt(b, n.Size, 10)
	}},
	{dav("getcontenttype"), true, func(_ *listing, n *drive.Node) bool { return !n.Folder && n.MediaType != "" }, func(b []byte, _ *listing, n *drive.Node) []byte {
		return appendText(b, n.MediaType)
	}},
	// A folder has none: what GET answers of it changes with what is in it, and its tag would have to as well.
	{dav("getetag"), true, func(_ *listing, n *drive.Node) bool { return !n.Folder && len(n.SHA256) > 0 }, func(b []byte, _ *listing, n *drive.Node) []byte {
		return n.AppendETag(b)
	}},
	{dav("lockdiscovery"), true, ofBoth, func(b []byte, l *listing, n *drive.Node) []byte {
		for _, lock := range l.locks.of(n) {
			b = appendActiveLock(b, lock, l.h.hrefOf(lock.Path), lock.Expires.Sub(l.h.o.Now()))
		}
		return b
	}},
	{dav("supportedlock"), true, ofBoth, func(b []byte, _ *listing, _ *drive.Node) []byte {
		return append(b, "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"+
			"<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"...)
	}},
	{dav("quota-available-bytes"), false, func(l *listing, n *drive.Node) bool {
		_, limited := l.usage.Free()
		return limited && usage(l, n)
	}, func(b []byte, l *listing, _ *drive.Node) []byte {
		free, _ := l.usage.Free()
		return strconv.AppendInt(b, free, 10)
	}},
	{dav("quota-used-bytes"), false, usage, func(b []byte, l *listing, _ *drive.Node) []byte {
		return strconv.AppendInt(b, l.usage.Used, 10)
	}},
	// These two are given when they are asked for by name (RFC 6578, section 4; RFC 3253, section 3.1.5).
	{dav("sync-token"), false, func(l *listing, n *drive.Node) bool { return n.Folder && !l.stub }, func(b []byte, l *listing, n *drive.Node) []byte {
		now := l.now
		now.Folder = n.ID
		return appendSyncToken(b, now)
	}},
	{dav("supported-report-set"), false, func(l *listing, _ *drive.Node) bool { return !l.stub }, func(b []byte, _ *listing, n *drive.Node) []byte {
		if n.Folder {
			b = append(b, "<D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"...)
		}
		return b
	}},
	// Explorer sets it after each save and believes it more than getlastmodified. Kept as a dead property it would
	// go stale with the next client's PUT, so it is another name of the same time.
	{xml.Name{Space: microsoft, Local: "Win32LastModifiedTime"}, false, dated, appendModified},
}, ownCloudProperties[:]...)

func dav(local string) xml.Name { return xml.Name{Space: "DAV:", Local: local} }

func dated(_ *listing, n *drive.Node) bool { return !n.Modified.IsZero() }

func appendModified(b []byte, _ *listing, n *drive.Node) []byte {
	return appendHTTPDate(b, n.Modified.UTC())
}

// fields are what has and value look at in a child's row.
func (p *liveProperty) fields() drive.Fields {
	switch p.name {
	case dav("resourcetype"), dav("displayname"), dav("getcontentlength"), dav("getlastmodified"), dav("supportedlock"),
		dav("supported-report-set"), dav("quota-available-bytes"), dav("quota-used-bytes"), xml.Name{Space: microsoft, Local: "Win32LastModifiedTime"},
		oc("permissions"), oc("size"):
		return 0
	case dav("creationdate"):
		return drive.FieldCreated
	case dav("getcontenttype"):
		return drive.FieldMediaType
	case dav("getetag"):
		return drive.FieldSHA256
	case dav("lockdiscovery"):
		return 0 // where there is a lock at all, listing.fields knows
	case dav("sync-token"), oc("id"), oc("fileid"), oc("checksums"):
		return drive.FieldID
	}
	return drive.AllFields
}

// live answers the live property of that name, or nil.
func live(name xml.Name) *liveProperty {
	for i := range liveProperties {
		if liveProperties[i].name == name {
			return &liveProperties[i]
		}
	}
	return nil
}
