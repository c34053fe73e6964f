package dav

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// TestIfHolds holds headers against a resource with the tag "e1" under the lock t1, and against /other, which
// has the tag "e2" and the lock t2.
func TestIfHolds(t *testing.T) {
	states := map[string]ifState{
		"":                     {etag: `"e1"`, tokens: []string{"urn:t1"}},
		"/dav/other":           {etag: `"e2"`, tokens: []string{"urn:t2"}},
		"http://host/dav/gone": {},
	}
	for _, c := range []struct {
		header string
		holds  bool
	}{
		{`(<urn:t1>)`, true},
		{`(<urn:t2>)`, false},
		{`(["e1"])`, true},
		{`(["e2"])`, false},
		{`([W/"e1"])`, false}, // strong comparison
		{`(<urn:t1> ["e1"])`, true},
		{`(<urn:t1> ["e2"])`, false},
		{`(<urn:t1>["e2"])(["e1"])`, true}, // one list is enough
		{`(Not <urn:t2>)`, true},
		{`(Not <urn:t1>)`, false},
		{`(Not["e2"] Not <urn:t2>)`, true},
		{`(not ["e1"])`, false},
		{`(<urn:t1> ["e2"]) (Not <DAV:no-lock> ["e2"])`, false},
		{`(<DAV:no-lock>)`, false},
		{`(Not <DAV:no-lock>)`, true},
		{`</dav/other> (<urn:t2>)`, true},
		{`</dav/other> (<urn:t1>)`, false}, // our own token does not count for another
		{`</dav/other> (<urn:t1>) (["e2"])`, true},
		{`</dav/other> (<urn:t1>) <http://host/dav/gone> (Not <urn:t1>)`, true},
		{`<http://host/dav/gone> (["e1"])`, false},
		{"\t(\t<urn:t1>\t)\t", true},
		{``, true},
	} {
		header := http.Header{}
		if c.header != "" {
			header.Set("If", c.header)
		}
		parsed, err := parseIf(header)
		if err != nil {
			t.Errorf("%s: %v", c.header, err)
			continue
		}
		if got := parsed.holds(func(resource string) ifState { return states[resource] }); got != c.holds {
			t.Errorf("%s holds: %v, want %v", c.header, got, c.holds)
		}
	}
}

func TestIfSubmitsTokens(t *testing.T) {
	header := http.Header{"If": {`</dav/a> (<urn:1> ["x"]) (Not <urn:2>) </dav/b> (<urn:3>)`}}
	parsed, err := parseIf(header)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parsed.tokens(), []string{"urn:1", "urn:2", "urn:3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("tokens are %q, want %q", got, want)
	}
	if got, want := parsed.resources(), []string{"/dav/a", "/dav/b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("resources are %q, want %q", got, want)
	}
}

func TestIfRefused(t *testing.T) {
	for _, c := range []struct {
		header string
		kind   fault.Kind
	}{
		{" ", fault.Invalid},
		{"()", fault.Invalid},
		{"(<urn:t>", fault.Invalid},
		{"(<urn:t)", fault.Invalid},
		{"(<>)", fault.Invalid},
		{"urn:t", fault.Invalid},
		{"(urn:t)", fault.Invalid},
		{"(Not)", fault.Invalid},
		{"(Not Not <urn:t>)", fault.Invalid},
		{"([etag])", fault.Invalid},
		{`(["etag)`, fault.Invalid},
		{`(["etag"`, fault.Invalid},
		{"</dav/a>", fault.Invalid},
		{"</dav/a> </dav/b> (<urn:t>)", fault.Invalid},
		{"(<urn:t>) </dav/a> (<urn:t>)", fault.Invalid}, // tagged after untagged
		{"<no-path> (<urn:t>)", fault.Invalid},
		{"<http://h/%zz> (<urn:t>)", fault.Invalid},
		{"(<urn:a b>)", fault.Invalid},
		{"(<urn:t>), (<urn:t>)", fault.Invalid},
		{"(<" + strings.Repeat("x", maxIfBytes) + ">)", fault.TooLarge},
		{"(" + strings.Repeat("<u:>", maxIfConditions+1) + ")", fault.TooLarge},
		{strings.Repeat("</a>(<u:>)", 3) + manyResources(), fault.TooLarge},
	} {
		_, err := parseIf(http.Header{"If": {c.header}})
		if !fault.Is(err, c.kind) {
			t.Errorf("If: %.60s is %v, want %s", c.header, err, c.kind)
		}
	}
	if _, err := parseIf(http.Header{"If": {"(<urn:t>)", "(<urn:t>)"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("two If headers are %v, want invalid", err)
	}
}

func manyResources() string {
	var b strings.Builder
	for i := range maxIfResources {
		b.WriteString("</" + strings.Repeat("b", i+1) + "> (<u:>)")
	}
	return b.String()
}

// FuzzIf checks that what is taken stays the same when it is spelled out and read again.
func FuzzIf(f *testing.F) {
	for _, seed := range []string{
		`(<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2> ["I am an ETag"]) (["I am another ETag"])`,
		`(Not <urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2> <urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092>)`,
		`</resource1> (<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2> [W/"A weak ETag"]) (["strong ETag"])`,
		`<http://www.example.com/specs/> (<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2>)`,
		`(<DAV:no-lock>`, `</a> </b>`, `(["a]"])`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		parsed, err := parseIf(http.Header{"If": {value}})
		if err != nil {
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				t.Fatalf("an error of kind %s", fault.KindOf(err))
			}
			return
		}
		var b strings.Builder
		for i, list := range parsed {
			if list.resource != "" && (i == 0 || parsed[i-1].resource != list.resource) {
				b.WriteString("<" + list.resource + ">")
			}
			b.WriteByte('(')
			for _, c := range list.conditions {
				if c.not {
					b.WriteString("Not ")
				}
				if c.token != "" {
					b.WriteString("<" + c.token + ">")
				} else {
					b.WriteString("[" + c.etag + "]")
				}
			}
			b.WriteByte(')')
		}
		again, err := parseIf(http.Header{"If": {b.String()}})
		if err != nil || !reflect.DeepEqual(parsed, again) {
			t.Fatalf("%q is spelled %q, which reads as %v, %v", value, b.String(), again, err)
		}
		never := func(string) ifState { return ifState{} }
		parsed.holds(never)
	})
}
