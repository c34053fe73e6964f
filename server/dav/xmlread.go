package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// The bounds of a request body in XML. Clients send a few hundred bytes.
const (
	maxBody       = 64 << 10 // bytes
	maxXMLDepth   = 32       // elements inside each other
	maxElements   = 1024
	maxAttributes = 256      // namespace declarations included
	maxXMLName    = 512      // bytes of an element's name without its prefix
	maxNamespace  = 1024     // bytes of a namespace
	maxValue      = 64 << 10 // bytes of one property's value, made to stand alone
)

const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// element is one element of a request body with all that is in it.
type element struct {
	name     xml.Name // Space is the namespace, not the prefix
	prefix   string
	attrs    []xml.Attr // Name.Space is the prefix, as sent; declarations included
	content  []content
	language string // the xml:lang in scope
	scope    *scope // the declarations in scope, the element's own included
}

// content is an element or, if that is nil, text.
type content struct {
	element *element
	text    string
}

// scope is one namespace declaration and those around it.
type scope struct {
	prefix, space string
	outer         *scope
}

// lookup answers the namespace of a prefix; the empty prefix is the default namespace.
func (s *scope) lookup(prefix string) (space string, ok bool) {
	switch prefix {
	case "xml":
		return xmlNamespace, true
	case "xmlns":
		return xmlnsNamespace, true
	}
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.space, true
		}
	}
	return "", prefix == ""
}

func invalidXML(why string) error {
	return fault.New(fault.Invalid, "dav.readXML", "The body is not XML as WebDAV needs it: "+why+".").WithCode("invalid_xml")
}

func tooMuchXML(why string) error {
	return fault.New(fault.TooLarge, "dav.readXML", "The XML body holds too much: "+why+".").WithCode("xml_too_large")
}

// readBody reads a request's XML body; one without a root element is nil. It refuses as Invalid what is not
// well-formed (RFC 4918, section 8.2), DTDs (so no entity is ever expanded) and prefixes that nothing
// declares; as TooLarge what is over a bound above.
func readBody(r *http.Request) (*element, error) {
	body, err := readBytes(r)
	if err != nil {
		return nil, err
	}
	return parseXML(body)
}

// readBytes reads a request's body, nil if it has none.
func readBytes(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > maxBody {
		return nil, tooMuchXML("it is over 64 KiB")
	}
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	}
	if err != nil {
		if fault.Is(err, fault.Timeout) || fault.Is(err, fault.Unauthenticated) {
			return nil, err
		}
		return nil, fault.As(fault.Invalid, "dav.readBody", err)
	}
	if len(body) > maxBody {
		return nil, tooMuchXML("it is over 64 KiB")
	}
	return body, nil
}

// parseXML reads a document, or nil if there is only white space.
func parseXML(body []byte) (*element, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	p := &xmlParser{tokens: xml.NewDecoder(bytes.NewReader(body))}
	for first := true; ; first = false {
		token, err := p.tokens.RawToken() // raw: prefixes are resolved here, so that undeclared ones show
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, invalidXML("it is not well-formed")
		}
		if err := p.take(token, first); err != nil {
			return nil, err
		}
	}
	if p.root == nil || len(p.open) > 0 {
		return nil, invalidXML("an element is not closed")
	}
	return p.root, nil
}

type xmlParser struct {
	tokens              *xml.Decoder
	root                *element
	open                []*element
	elements, attribute int
}

func (p *xmlParser) take(token xml.Token, first bool) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		if len(p.open) == 0 {
			return invalidXML("an end tag has no start tag")
		}
		e := p.open[len(p.open)-1]
		if t.Name.Space != e.prefix || t.Name.Local != e.name.Local {
			return invalidXML("an end tag does not match its start tag")
		}
		p.open = p.open[:len(p.open)-1]
	case xml.CharData:
		if len(p.open) > 0 {
			e := p.open[len(p.open)-1]
			e.content = append(e.content, content{text: string(t)})
		} else if len(bytes.TrimSpace(t)) > 0 {
			return invalidXML("there is text around the root element")
		}
	case xml.ProcInst:
		if strings.EqualFold(t.Target, "xml") && !first {
			return invalidXML("an XML declaration is not at the beginning")
		}
	case xml.Directive:
		return invalidXML("it holds a DTD")
	}
	return nil
}

func (p *xmlParser) start(t xml.StartElement) error {
	if p.elements++; p.elements > maxElements {
		return tooMuchXML("elements")
	}
	if p.attribute += len(t.Attr); p.attribute > maxAttributes {
		return tooMuchXML("attributes")
	}
	if len(p.open) >= maxXMLDepth {
		return tooMuchXML("elements inside each other")
	}
	e := &element{prefix: t.Name.Space, attrs: slices.Clone(t.Attr)}
	var parent *element
	if len(p.open) > 0 {
		parent = p.open[len(p.open)-1]
		e.scope, e.language = parent.scope, parent.language
	} else if p.root != nil {
		return invalidXML("there is more than one root element")
	}
	if err := e.declare(); err != nil {
		return err
	}
	if err := e.resolve(t.Name); err != nil {
		return err
	}
	if parent == nil {
		p.root = e
	} else {
		parent.content = append(parent.content, content{element: e})
	}
	p.open = append(p.open, e)
	return nil
}

// declare takes up the element's own namespace declarations (Namespaces in XML 1.0, section 3) and language.
func (e *element) declare() error {
	for _, a := range e.attrs {
		prefix := ""
		switch {
		case a.Name.Space == "xmlns":
			prefix = a.Name.Local
		case a.Name.Space == "" && a.Name.Local == "xmlns":
		case a.Name.Space == "xml" && a.Name.Local == "lang":
			e.language = a.Value
			continue
		default:
			continue
		}
		switch {
		case prefix != "" && a.Value == "":
			return invalidXML("a prefix stands for no namespace")
		case prefix == "xmlns", a.Value == xmlnsNamespace, (prefix == "xml") != (a.Value == xmlNamespace):
			return invalidXML("a reserved prefix is declared")
		case len(a.Value) > maxNamespace:
			return tooMuchXML("a namespace of over 1024 bytes")
		}
		e.scope = &scope{prefix: prefix, space: a.Value, outer: e.scope}
	}
	return nil
}

// resolve checks the names of the element and its attributes and finds its namespace.
func (e *element) resolve(raw xml.Name) error {
	space, ok := e.scope.lookup(raw.Space)
	if !ok {
		return invalidXML("a prefix is not declared")
	}
	if strings.Contains(raw.Local, ":") || raw.Space == "xmlns" {
		return invalidXML("a name is not valid")
	}
	if len(raw.Local) > maxXMLName {
		return tooMuchXML("a name of over 512 bytes")
	}
	e.name = xml.Name{Space: space, Local: raw.Local}
	seen := make(map[xml.Name]bool, len(e.attrs))
	for _, a := range e.attrs {
		name := xml.Name{Local: a.Name.Local}
		if a.Name.Space != "" {
			if name.Space, ok = e.scope.lookup(a.Name.Space); !ok {
				return invalidXML("a prefix is not declared")
			}
		}
		if strings.Contains(a.Name.Local, ":") || seen[name] {
			return invalidXML("an attribute's name is not valid or there twice")
		}
		seen[name] = true
	}
	return nil
}

// children are the elements right inside e; text between them has no meaning in WebDAV.
func (e *element) children() []*element {
	var all []*element
	for _, c := range e.content {
		if c.element != nil {
			all = append(all, c.element)
		}
	}
	return all
}

// child answers the first child of the DAV: namespace with that name, or nil.
func (e *element) child(local string) *element {
	for _, c := range e.content {
		if c.element != nil && c.element.is(local) {
			return c.element
		}
	}
	return nil
}

func (e *element) is(local string) bool { return e.name.Space == "DAV:" && e.name.Local == local }

// text is the text right inside e.
func (e *element) text() string {
	var b strings.Builder
	for _, c := range e.content {
		b.WriteString(c.text)
	}
	return b.String()
}

// inner spells the element's content so that it means the same wherever it is put: prefixes as sent, and
// what was declared around it declared again where it is needed (RFC 4918, section 4.3).
func (e *element) inner() (string, error) {
	var b []byte
	for _, c := range e.content {
		if c.element == nil {
			b = appendText(b, c.text)
		} else {
			inside := appendElement(nil, c.element, nil)
			b = appendElement(b, c.element, e.scope.needed(c.element, inside))
		}
		if len(b) > maxValue {
			return "", tooMuchXML("a value of over 64 KiB")
		}
	}
	return string(b), nil
}

// needed answers which declarations of s an element relies on, which spelled out is inside. A prefix may also
// stand in a value (xsi:type="xs:string"), so every prefix that shows up counts.
func (s *scope) needed(e *element, inside []byte) []xml.Attr {
	var need []xml.Attr
	seen := map[string]bool{}
	for _, a := range e.attrs {
		if a.Name.Space == "xmlns" {
			seen[a.Name.Local] = true
		} else if a.Name.Space == "" && a.Name.Local == "xmlns" {
			seen[""] = true
		}
	}
	for ; s != nil; s = s.outer {
		if seen[s.prefix] {
			continue
		}
		seen[s.prefix] = true
		switch {
		case s.prefix == "" && s.space != "":
			need = append(need, xml.Attr{Name: xml.Name{Local: "xmlns"}, Value: s.space})
		case s.prefix != "" && bytes.Contains(inside, []byte(s.prefix+":")):
			need = append(need, xml.Attr{Name: xml.Name{Space: "xmlns", Local: s.prefix}, Value: s.space})
		}
	}
	return need
}

func appendElement(b []byte, e *element, declare []xml.Attr) []byte {
	b = append(b, '<')
	b = appendRawName(b, e.prefix, e.name.Local)
	for _, attrs := range [][]xml.Attr{declare, e.attrs} {
		for _, a := range attrs {
			b = append(b, ' ')
			b = appendRawName(b, a.Name.Space, a.Name.Local)
			b = append(b, '=', '"')
			b = appendAttribute(b, a.Value)
			b = append(b, '"')
		}
	}
	if len(e.content) == 0 {
		return append(b, '/', '>')
	}
	b = append(b, '>')
	for _, c := range e.content {
		if c.element != nil {
			b = appendElement(b, c.element, nil)
		} else {
			b = appendText(b, c.text)
		}
	}
	b = append(b, '<', '/')
	b = appendRawName(b, e.prefix, e.name.Local)
	return append(b, '>')
}

func appendRawName(b []byte, prefix, local string) []byte {
	if prefix != "" {
		b = append(b, prefix...)
		b = append(b, ':')
	}
	return append(b, local...)
}

// appendText escapes character data. What XML cannot hold (a control character in a file's name, say)
// becomes U+FFFD: one name must not make a whole listing unreadable.
func appendText(b []byte, s string) []byte { return appendEscaped(b, s, false) }

// appendAttribute escapes what stands between double quotes.
func appendAttribute(b []byte, s string) []byte { return appendEscaped(b, s, true) }

func appendEscaped(b []byte, s string, attribute bool) []byte {
	from := 0
	for i, c := range s {
		escaped := ""
		switch {
		case c == '&':
			escaped = "&amp;"
		case c == '<':
			escaped = "&lt;"
		case c == '>':
			escaped = "&gt;"
		case c == '\r':
			escaped = "&#13;"
		case c == '"' && attribute:
			escaped = "&quot;"
		case c == '\n' && attribute:
			escaped = "&#10;"
		case c == '\t' && attribute:
			escaped = "&#9;"
		case c < 0x20 && c != '\n' && c != '\t', c == 0xfffe, c == 0xffff:
			escaped = "\ufffd"
		default:
			continue
		}
		b = append(b, s[from:i]...)
		b = append(b, escaped...)
		from = i + len(string(c))
	}
	return append(b, s[from:]...)
}
