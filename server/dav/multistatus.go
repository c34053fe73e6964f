package dav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/webdav"

	"github.com/satchelhq/satchel/drive"
)

// flushAt is how many bytes of an answer are gathered before they are sent.
const flushAt = 32 << 10

// multistatus writes a 207 answer (RFC 4918, section 13) piece by piece: what a listing takes in memory
// does not grow with its length. A short one goes out with a Content-Length.
type multistatus struct {
	w        http.ResponseWriter
	code     int    // of the answer
	root     string // the name of its root element
	b        []byte
	prefixes map[string]string // of namespaces that are declared at the top
	control  *http.ResponseController
	started  bool
	long     bool  // it is sent in more than one piece
	err      error // errGone, once writing has failed
}

// errGone says that the client left, or took nothing for too long.
var errGone = errors.New("dav: the client is gone")

// stall is how long a client may take nothing of an answer.
const stall = 2 * time.Minute

// newMultistatus begins an answer. The namespaces of names are declared once, at the top.
func newMultistatus(w http.ResponseWriter, names []xml.Name) *multistatus {
	return newDocument(w, webdav.StatusMulti, "multistatus", names)
}

// newDocument begins an answer with another status and root element, whose parts are spelled alike.
func newDocument(w http.ResponseWriter, code int, root string, names []xml.Name) *multistatus {
	m := &multistatus{w: w, code: code, root: root, control: http.NewResponseController(w), prefixes: map[string]string{"DAV:": "D"}}
	m.b = append(m.b, xml.Header...)
	m.b = append(m.b, "<D:"+root+` xmlns:D="DAV:"`...)
	for _, name := range names {
		if _, ok := m.prefixes[name.Space]; ok || name.Space == "" || name.Space == xmlNamespace {
			continue
		}
		prefix := "n" + strconv.Itoa(len(m.prefixes))
		m.prefixes[name.Space] = prefix
		m.b = append(m.b, " xmlns:"+prefix+`="`...)
		m.b = appendAttribute(m.b, name.Space)
		m.b = append(m.b, '"')
	}
	m.b = append(m.b, '>')
	return m
}

// qualified spells a name whose namespace is declared at the top.
func (m *multistatus) qualified(name xml.Name) string {
	switch prefix := m.prefixes[name.Space]; {
	case prefix != "":
		return prefix + ":" + name.Local
	case name.Space == xmlNamespace:
		return "xml:" + name.Local
	}
	return name.Local
}

// open begins a response about href, which is percent-encoded.
func (m *multistatus) open(href string) {
	m.b = append(m.b, "<D:response><D:href>"...)
	m.b = appendText(m.b, href)
	m.b = append(m.b, "</D:href>"...)
}

// close ends a response, and sends what has gathered.
func (m *multistatus) close() {
	m.b = append(m.b, "</D:response>"...)
	if len(m.b) >= flushAt {
		m.flush()
	}
}

func (m *multistatus) openStat() { m.b = append(m.b, "<D:propstat><D:prop>"...) }

func (m *multistatus) closeStat(status int) {
	m.b = append(m.b, "</D:prop>"...)
	m.status(status)
	m.b = append(m.b, "</D:propstat>"...)
}

func (m *multistatus) status(status int) {
	if status == http.StatusOK {
		m.b = append(m.b, "<D:status>HTTP/1.1 200 OK</D:status>"...)
		return
	}
	m.b = append(m.b, "<D:status>HTTP/1.1 "...)
	m.b = strconv.AppendInt(m.b, int64(status), 10)
	m.b = append(m.b, ' ')
	m.b = append(m.b, webdav.StatusText(status)...)
	m.b = append(m.b, "</D:status>"...)
}

// empty writes an element that holds nothing.
func (m *multistatus) empty(qualified string) {
	m.b = append(m.b, '<')
	m.b = append(m.b, qualified...)
	m.b = append(m.b, '/', '>')
}

// dead writes a dead property as it was sent. Its namespace is declared right there unless it is at the top.
func (m *multistatus) dead(p drive.Property, nameOnly bool) {
	name := xml.Name{Space: p.Namespace, Local: p.Name}
	qualified, declare := m.qualified(name), false
	if qualified == p.Name && p.Namespace != "" {
		qualified, declare = "n:"+p.Name, true
	}
	m.b = append(m.b, '<')
	m.b = append(m.b, qualified...)
	if declare {
		m.b = append(m.b, ` xmlns:n="`...)
		m.b = appendAttribute(m.b, p.Namespace)
		m.b = append(m.b, '"')
	}
	if nameOnly {
		m.b = append(m.b, '/', '>')
		return
	}
	if p.Language != "" {
		m.b = append(m.b, ` xml:lang="`...)
		m.b = appendAttribute(m.b, p.Language)
		m.b = append(m.b, '"')
	}
	m.b = append(m.b, '>')
	m.b = append(m.b, p.Value...)
	m.b = append(m.b, '<', '/')
	m.b = append(m.b, qualified...)
	m.b = append(m.b, '>')
}

// propstats writes what became of properties, by name only, as PROPPATCH answers.
func (m *multistatus) propstats(all []webdav.Propstat) {
	for _, stat := range all {
		m.openStat()
		for _, p := range stat.Props {
			m.empty(m.qualified(p.XMLName))
		}
		m.b = append(m.b, "</D:prop>"...)
		m.status(stat.Status)
		if stat.XMLError != "" {
			m.b = append(m.b, "<D:error>"+stat.XMLError+"</D:error>"...)
		}
		m.b = append(m.b, "</D:propstat>"...)
	}
}

// start sends the status line and headers.
func (m *multistatus) start() {
	m.started = true
	header := m.w.Header()
	header.Set("Content-Type", "application/xml; charset=utf-8")
	header.Set("Cache-Control", "private, no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	m.w.WriteHeader(m.code)
}

// flush sends what has gathered. The client of a long answer may take its time, but not stand still.
func (m *multistatus) flush() {
	if !m.started {
		m.start()
	} else if m.err == nil {
		m.long = true
		_ = m.control.SetWriteDeadline(time.Now().Add(stall)) // what cannot set deadlines is no network
	}
	if m.err == nil {
		if _, err := m.w.Write(m.b); err != nil {
			m.err = errGone
		}
	}
	m.b = m.b[:0]
}

// end sends the rest.
func (m *multistatus) end() {
	m.b = append(m.b, "</D:"+m.root+">\n"...)
	if !m.started {
		m.w.Header().Set("Content-Length", strconv.Itoa(len(m.b)))
	}
	m.flush()
	if m.long {
		_ = m.control.SetWriteDeadline(time.Time{})
	}
}

// writeMembers answers a request that failed because of resources inside the one that it named.
func writeMembers(w http.ResponseWriter, members []member) {
	m := newMultistatus(w, nil)
	for _, one := range members {
		m.open(one.href)
		m.status(one.status)
		if one.condition != "" {
			m.b = append(m.b, "<D:error><D:"+one.condition+"><D:href>"+one.href+"</D:href></D:"+one.condition+"></D:error>"...)
		}
		m.close()
	}
	m.end()
}
