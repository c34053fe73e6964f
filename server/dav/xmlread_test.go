package dav

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

func TestXMLRefused(t *testing.T) {
	wide := strings.Repeat("<a/>", maxElements)
	deep := strings.Repeat("<a>", maxXMLDepth+1) + strings.Repeat("</a>", maxXMLDepth+1)
	for _, c := range []struct {
		name, body string
		kind       fault.Kind
	}{
		{"not XML", "hello", fault.Invalid},
		{"not closed", "<a>", fault.Invalid},
		{"closed twice", "<a/></a>", fault.Invalid},
		{"crossed", "<a><b></a></b>", fault.Invalid},
		{"prefixes differ", `<x:a xmlns:x="u" xmlns:y="u"></y:a>`, fault.Invalid},
		{"two roots", "<a/><b/>", fault.Invalid},
		{"text around", "<a/>b", fault.Invalid},
		{"undeclared prefix", "<x:a/>", fault.Invalid},
		{"undeclared prefix inside", `<D:prop xmlns:D="DAV:"><x:a/></D:prop>`, fault.Invalid},
		{"prefix used after its scope", `<a><b xmlns:x="u"/><x:c/></a>`, fault.Invalid},
		{"undeclared prefix of an attribute", `<a x:b=""/>`, fault.Invalid},
		{"prefix that stands for nothing", `<a xmlns:x=""><x:b/></a>`, fault.Invalid},
		{"xml prefix taken", `<a xmlns:xml="u"/>`, fault.Invalid},
		{"xmlns prefix taken", `<a xmlns:xmlns="u"/>`, fault.Invalid},
		{"xmlns element", `<xmlns:a/>`, fault.Invalid},
		{"colon at the end", `<a: />`, fault.Invalid},
		{"attribute twice", `<a b="1" b="2"/>`, fault.Invalid},
		{"attribute twice by namespace", `<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`, fault.Invalid},
		{"DTD", `<!DOCTYPE a><a/>`, fault.Invalid},
		{"entities", `<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>`, fault.Invalid},
		{"external entity", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`, fault.Invalid},
		{"unknown entity", `<a>&b;</a>`, fault.Invalid},
		{"control character", "<a>\x01</a>", fault.Invalid},
		{"control character by number", "<a>&#1;</a>", fault.Invalid},
		{"not UTF-8", "<a>\xff</a>", fault.Invalid},
		{"another encoding", `<?xml version="1.0" encoding="iso-8859-1"?><a/>`, fault.Invalid},
		{"a declaration inside", `<a><?xml version="1.0"?></a>`, fault.Invalid},
		{"too many elements", "<a>" + wide + "</a>", fault.TooLarge},
		{"too deep", deep, fault.TooLarge},
		{"too many attributes", "<a" + manyAttributes() + "/>", fault.TooLarge},
		{"long name", "<" + strings.Repeat("a", maxXMLName+1) + "/>", fault.TooLarge},
		{"long namespace", `<a xmlns="` + strings.Repeat("a", maxNamespace+1) + `"/>`, fault.TooLarge},
		{"long body", "<a>" + strings.Repeat(" ", maxBody) + "</a>", fault.TooLarge},
	} {
		for _, length := range []string{"known", "chunked"} {
			r := httptest.NewRequest("PROPFIND", "/", strings.NewReader(c.body))
			if length == "chunked" {
				r = httptest.NewRequest("PROPFIND", "/", io.MultiReader(strings.NewReader(c.body)))
			}
			if _, err := readBody(r); !fault.Is(err, c.kind) {
				t.Errorf("%s (%s) is %v, want %s", c.name, length, err, c.kind)
			}
		}
	}
}

func manyAttributes() string {
	var b strings.Builder
	for i := range maxAttributes + 1 {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

func TestXMLEmpty(t *testing.T) {
	for _, body := range []string{"", " \r\n", "\xef\xbb\xbf"} {
		if e, err := readBody(httptest.NewRequest("PROPFIND", "/", io.MultiReader(strings.NewReader(body)))); e != nil || err != nil {
			t.Errorf("%q is %v, %v; want nothing", body, e, err)
		}
	}
	if e, err := readBody(httptest.NewRequest("PROPFIND", "/", http.NoBody)); e != nil || err != nil {
		t.Errorf("no body is %v, %v; want nothing", e, err)
	}
}

// TestValueStandsAlone puts values where nothing is declared around them.
func TestValueStandsAlone(t *testing.T) {
	for _, c := range []struct{ sent, kept string }{
		{`<p>text</p>`, `text`},
		{`<p/>`, ``},
		{`<p>a &lt;b&gt; &amp; <![CDATA[<c>]]> &#x1F600;</p>`, "a &lt;b&gt; &amp; &lt;c&gt; \U0001F600"},
		{`<p xmlns="u"><b c="&quot;1&quot;"/></p>`, `<b xmlns="u" c="&quot;1&quot;"/>`},
		{`<p xmlns="u"><b xmlns=""/></p>`, `<b xmlns=""/>`},
		{`<p xmlns:x="u"><x:b><x:c/></x:b> <x:d/></p>`, `<x:b xmlns:x="u"><x:c/></x:b> <x:d xmlns:x="u"/>`},
		{`<p xmlns:x="u"><x:b xmlns:x="v"/></p>`, `<x:b xmlns:x="v"/>`},
		{`<p xmlns:x="u"><b type="x:int"/></p>`, `<b xmlns:x="u" type="x:int"/>`},
		{`<p xmlns:x="u"><b>x:int</b></p>`, `<b xmlns:x="u">x:int</b>`},
		{`<p xmlns:x="u" xmlns:unused="v"><b xml:lang="de"/></p>`, `<b xml:lang="de"/>`},
		{"<p>\r\n<b a=\"1&#10;2\">\n</b></p>", "\n<b a=\"1&#10;2\">\n</b>"},
		{`<p><!-- no --><?pi no?>yes</p>`, `yes`},
	} {
		e, err := parseXML([]byte(c.sent))
		if err != nil {
			t.Errorf("%s: %v", c.sent, err)
			continue
		}
		if kept, err := e.inner(); err != nil || kept != c.kept {
			t.Errorf("%s is kept as %q, want %q (%v)", c.sent, kept, c.kept, err)
		}
	}
}

func TestPropfindBody(t *testing.T) {
	a, b := xml.Name{Space: "DAV:", Local: "a"}, xml.Name{Space: "u", Local: "b"}
	for _, c := range []struct {
		body  string
		kind  findKind
		names []xml.Name
		ok    bool
	}{
		{``, findAll, nil, true},
		{`<propfind xmlns="DAV:"><allprop/></propfind>`, findAll, nil, true},
		{`<propfind xmlns="DAV:"><allprop/><include><a/></include></propfind>`, findAll, []xml.Name{a}, true},
		{`<propfind xmlns="DAV:"><include><a/></include><allprop/></propfind>`, findAll, []xml.Name{a}, true},
		{`<propfind xmlns="DAV:"><propname/></propfind>`, findNames, nil, true},
		{`<propfind xmlns="DAV:"><prop><a/><b xmlns="u"/><a/></prop></propfind>`, findProps, []xml.Name{a, b}, true},
		{`<propfind xmlns="DAV:"><prop/></propfind>`, findProps, nil, true},
		{`<propfind xmlns="DAV:"><x xmlns="u"><prop/></x><propname/></propfind>`, findNames, nil, true},
		{`<propfind xmlns="DAV:"/>`, 0, nil, false},
		{`<propfind xmlns="DAV:"><prop/><allprop/></propfind>`, 0, nil, false},
		{`<propfind xmlns="u"><prop/></propfind>`, 0, nil, false},
		{`<lockinfo xmlns="DAV:"/>`, 0, nil, false},
	} {
		root, err := parseXML([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		find, err := parsePropfind(root)
		if (err == nil) != c.ok || c.ok && (find.kind != c.kind || fmt.Sprint(find.names) != fmt.Sprint(c.names)) {
			t.Errorf("%s is %v, %v", c.body, find, err)
		}
	}
}

// FuzzPropfindBody checks that whatever is taken can be put into an answer that XML parsers take.
func FuzzPropfindBody(f *testing.F) {
	for _, seed := range []string{
		`<propfind xmlns="DAV:"><prop><getetag/><x:y xmlns:x="u"/></prop></propfind>`,
		`<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:z/></D:include></D:propfind>`,
		`<D:propertyupdate xmlns:D="DAV:" xmlns:x="u"><D:set><D:prop><x:a xml:lang="de"><x:b c="x:d">t</x:b></x:a></D:prop></D:set><D:remove><D:prop><n/></D:prop></D:remove></D:propertyupdate>`,
		`<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>x</D:href></D:owner></D:lockinfo>`,
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, `<a xmlns:b=""/>`, "<a>\xc3\x28</a>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		root, err := parseXML([]byte(body))
		if err != nil || root == nil {
			return
		}
		recorder := httptest.NewRecorder()
		var names []xml.Name
		if find, err := parsePropfind(root); err == nil {
			names = find.names
		}
		l := newListing(New(Options{}), recorder, propfind{kind: findProps, names: names})
		l.writeProps(&drive.Node{Name: "a"})
		m := l.out
		if patches, err := parsePropertyUpdate(root); err == nil {
			for _, p := range patches {
				name := p.property.XMLName
				m.dead(drive.Property{Namespace: name.Space, Name: name.Local, Language: p.property.Lang, Value: string(p.property.InnerXML)}, false)
			}
		}
		if info, err := parseLockInfo(root); err == nil {
			m.b = appendActiveLock(m.b, drive.Lock{Owner: info.owner}, "/", 0)
		}
		m.end()
		answer := recorder.Body.Bytes()
		if tooLong := len(answer) > maxBody; tooLong {
			return
		}
		if _, err := parseXML(answer); err != nil && !fault.Is(err, fault.TooLarge) {
			t.Fatalf("%q makes an answer that is not well-formed: %v\n%s", body, err, answer)
		}
		if err := xml.Unmarshal(answer, &struct{}{}); err != nil {
			t.Fatalf("%q makes an answer that encoding/xml refuses: %v\n%s", body, err, answer)
		}
	})
}
