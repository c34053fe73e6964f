package dav

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

func TestDestination(t *testing.T) {
	for _, c := range []struct {
		value string
		path  drive.Path
		href  string
	}{
		{"/dav/a/b", "/a/b", "/dav/a/b"},
		{"/dav", "/", "/dav"},
		{"/dav/", "/", "/dav"},
		{"http://files.example.org/dav/a%20b/", "/a b", "/dav/a%20b"},
		{"https://files.example.org/dav/a", "/a", "/dav/a"},     // another scheme: a proxy ended TLS
		{"https://FILES.example.org:443/dav/a", "/a", "/dav/a"}, // the scheme's own port
		{"http://inside:8080/dav/a", "/a", "/dav/a"},            // the host that the proxy asked for
		{"http://user@files.example.org/dav/a", "/a", "/dav/a"},
		{"/dav/a b", "/a b", "/dav/a%20b"}, // not encoded at all
		{"/dav/%C3%A4", "/ä", "/dav/%C3%A4"},
		{"/dav/(1)&%28", "/(1)&(", "/dav/(1)%26("}, // & is not kept: it means something in XML
		{"/dav/%28", "/(", "/dav/%28"},
	} {
		at, err := parseDestination(http.Header{"Destination": {c.value}}, "/dav/", "inside:8080", "files.example.org")
		if err != nil || at.path != c.path || at.href != c.href {
			t.Errorf("%s is %q %q, %v; want %q %q", c.value, at.path, at.href, err, c.path, c.href)
		}
	}
}

func TestDestinationRefused(t *testing.T) {
	for _, c := range []struct {
		value  string
		status int // 0: the kind's
		kind   fault.Kind
	}{
		{"", 0, fault.Invalid},
		{"http://elsewhere.example.org/dav/a", http.StatusBadGateway, fault.Forbidden},
		{"http://files.example.org:8443/dav/a", http.StatusBadGateway, fault.Forbidden},
		{"http://files.example.org/davx/a", 0, fault.Forbidden},
		{"/other/a", 0, fault.Forbidden},
		{"/dav/../a", 0, fault.Invalid},
		{"/dav/%2e%2e/a", 0, fault.Invalid},
		{"/dav/a%2Fb", 0, fault.Invalid},
		{"/dav/a%00b", 0, fault.Invalid},
		{"/dav/%ff", 0, fault.Invalid},
		{"dav/a", 0, fault.Invalid},
		{"mailto:a@b", 0, fault.Invalid},
		{"file:///dav/a", 0, fault.Invalid},
		{"/dav/a#b", 0, fault.Invalid},
		{"/dav/a?b", 0, fault.Invalid},
		{"http://[bad/dav/a", 0, fault.Invalid},
	} {
		_, err := parseDestination(http.Header{"Destination": {c.value}}, "/dav/", "files.example.org")
		status := 0
		var p *problem
		if errors.As(err, &p) {
			status = p.status
		}
		if fault.KindOf(err) != c.kind || status != c.status {
			t.Errorf("%q is %v with status %d, want %s with %d", c.value, err, status, c.kind, c.status)
		}
	}
}

// FuzzDestination checks that an accepted destination is inside the prefix, and that its href leads back to it.
func FuzzDestination(f *testing.F) {
	for _, seed := range []string{"/dav/a", "http://host/dav/a%20b/c", "/dav/%2e%2e/a", "//host/dav/x", "/dav/a%2fb", "/dav//a//", "/dav/%EF%BF%BE&'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		at, err := parseDestination(http.Header{"Destination": {value}}, "/dav/", "host")
		if err != nil {
			return
		}
		again, ok, err := locate("/dav/", at.href)
		if !ok || err != nil || again.path != at.path || again.href != at.href {
			t.Fatalf("%q is %q at %q, which leads to %q at %q: %v", value, at.path, at.href, again.path, again.href, err)
		}
		if parsed, err := drive.ParsePath(string(at.path)); err != nil || parsed != at.path {
			t.Fatalf("%q gives the path %q: %v", value, at.path, err)
		}
		if doc, err := parseXML([]byte("<href>" + at.href + "</href>")); err != nil || doc.text() != at.href {
			t.Fatalf("%q gives an href that XML changes: %q", value, at.href)
		}
	})
}

func TestDepth(t *testing.T) {
	for _, c := range []struct {
		value string
		want  depth
		ok    bool
	}{{"0", depthZero, true}, {"1", depthOne, true}, {"infinity", depthInfinity, true}, {" Infinity ", depthInfinity, true},
		{"", depthInfinity, true}, {"2", 0, false}, {"1,noroot", 0, false}, {"-1", 0, false}} {
		got, err := parseDepth(http.Header{"Depth": {c.value}}, depthInfinity)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("Depth: %s is %v, %v", c.value, got, err)
		}
	}
	if _, err := wantDepth(http.Header{"Depth": {"1"}}, depthInfinity, depthZero); !fault.Is(err, fault.Invalid) {
		t.Errorf("Depth: 1 where it is not taken is %v, want invalid", err)
	}
}

func TestTimeout(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                             defaultTimeout,
		"Second-600":                   10 * time.Minute,
		"second-1":                     time.Second,
		"Second-0":                     time.Second,
		"Infinite":                     drive.MaxLockTimeout,
		"Infinite, Second-4100000000":  drive.MaxLockTimeout,
		"Second-4100000000":            drive.MaxLockTimeout,
		"Second-99999999999999999999":  drive.MaxLockTimeout,
		"Extend Infinite, Second-30":   30 * time.Second,
		"Second--5":                    defaultTimeout,
		"Second-, Second-x,, Second-7": 7 * time.Second,
		"nonsense":                     defaultTimeout,
	} {
		if got := parseTimeout(value); got != want {
			t.Errorf("Timeout: %s is %v, want %v", value, got, want)
		}
	}
}

func TestOverwrite(t *testing.T) {
	for _, c := range []struct {
		value string
		want  bool
		ok    bool
	}{{"", true, true}, {"T", true, true}, {"t", true, true}, {"F", false, true}, {"no", false, false}} {
		got, err := parseOverwrite(http.Header{"Overwrite": {c.value}})
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("Overwrite: %s is %v, %v", c.value, got, err)
		}
	}
}

func TestPreconditions(t *testing.T) {
	modified := time.Date(2024, 5, 6, 7, 8, 9, 500_000_000, time.UTC)
	file := &drive.Node{SHA256: []byte("0123456789abcdef0123456789abcdef"), Modified: modified}
	etag := file.ETag()
	for _, c := range []struct {
		header, value string
		node          *drive.Node
		ok            bool
	}{
		{"If-Match", etag, file, true},
		{"If-Match", `"x", ` + etag, file, true},
		{"If-Match", "*", file, true},
		{"If-Match", "*", nil, false},
		{"If-Match", etag, nil, false},
		{"If-Match", `"x"`, file, false},
		{"If-Match", "W/" + etag, file, false},
		{"If-Match", etag[1 : len(etag)-1], file, true}, // quotes lost on the way
		{"If-Match", "", file, false},
		{"If-None-Match", "*", nil, true},
		{"If-None-Match", "*", file, false},
		{"If-None-Match", etag, file, false},
		{"If-None-Match", `"x",W/` + etag, file, false},
		{"If-None-Match", `"x"`, file, true},
		{"If-None-Match", "JoplinIgnore-1700000000", file, true},
		{"If-None-Match", etag[1 : len(etag)-1], file, true},
		{"If-Unmodified-Since", modified.Format(http.TimeFormat), file, true},
		{"If-Unmodified-Since", modified.Add(-time.Second).Format(http.TimeFormat), file, false},
		{"If-Unmodified-Since", modified.Add(-time.Second).Format(http.TimeFormat), nil, true},
		{"If-Unmodified-Since", "some day", file, true},
		{"If-Modified-Since", modified.Format(http.TimeFormat), file, true}, // only GET knows it
	} {
		err := parsePreconditions(http.Header{c.header: {c.value}}).check(c.node)
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Precondition) {
			t.Errorf("%s: %s is %v", c.header, c.value, err)
		}
	}
	both := http.Header{"If-Match": {etag}, "If-Unmodified-Since": {modified.Add(-time.Hour).Format(http.TimeFormat)}}
	if err := parsePreconditions(both).check(file); err != nil {
		t.Errorf("If-Match holds, so If-Unmodified-Since is not looked at, but: %v", err)
	}
}
