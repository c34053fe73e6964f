package origin_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/server/origin"
)

const (
	proxy    = "10.0.0.2:4711"
	stranger = "203.0.113.9:4711"
)

// behind trusts 10.0.0.0/8 and fd00::/8.
func behind() origin.Origin {
	return origin.Origin{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
}

func public(t *testing.T, address string) origin.Origin {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return origin.Origin{Public: u}
}

func request(peer, host string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr, r.Host = peer, host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestBase(t *testing.T) {
	encrypted := request(stranger, "files.example.org")
	encrypted.TLS = &tls.ConnectionState{}
	hostless := request(stranger, "")
	hostless = hostless.WithContext(context.WithValue(hostless.Context(), http.LocalAddrContextKey,
		net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080})))

	for _, c := range []struct {
		name   string
		origin origin.Origin
		r      *http.Request
		want   string
	}{
		{"the request's own host", origin.Origin{}, request(stranger, "127.0.0.1:8080"), "http://127.0.0.1:8080"},
		{"IPv6", origin.Origin{}, request(stranger, "[::1]:8080"), "http://[::1]:8080"},
		{"TLS to us", origin.Origin{}, encrypted, "https://files.example.org"},
		{"the public address wins", public(t, "https://files.example.org/"), request(stranger, "127.0.0.1:8080"), "https://files.example.org"},
		{"the public address keeps its port", public(t, "http://nas:8443"), request(stranger, "x"), "http://nas:8443"},
		{"a trusted proxy is believed", behind(), request(proxy, "backend:8080", "X-Forwarded-Proto: https", "X-Forwarded-Host: files.example.org"), "https://files.example.org"},
		{"a proxy that only tells the scheme", behind(), request(proxy, "files.example.org", "X-Forwarded-Proto: https"), "https://files.example.org"},
		{"of a list the nearest proxy's word counts", behind(), request(proxy, "b", "X-Forwarded-Proto: http, https", "X-Forwarded-Host: evil.example, files.example.org"), "https://files.example.org"},
		{"a stranger is not believed", behind(), request(stranger, "files.example.org", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"), "http://files.example.org"},
		{"nobody is trusted by default", origin.Origin{}, request(proxy, "files.example.org", "X-Forwarded-Proto: https"), "http://files.example.org"},
		{"another scheme is ignored", behind(), request(proxy, "files.example.org", "X-Forwarded-Proto: javascript"), "http://files.example.org"},
		{"a forwarded host with a path is ignored", behind(), request(proxy, "files.example.org", "X-Forwarded-Host: evil.example/x"), "http://files.example.org"},
		{"a forwarded host with a user is ignored", behind(), request(proxy, "files.example.org", "X-Forwarded-Host: files.example.org@evil.example"), "http://files.example.org"},
		{"a host that cannot stand in a link", origin.Origin{}, request(stranger, `a"onload=x`), "http://localhost"},
		{"a port that is none", origin.Origin{}, request(stranger, "a:99999"), "http://localhost"},
		{"no Host at all", origin.Origin{}, hostless, "http://127.0.0.1:8080"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.origin.Base(c.r)
			if got != c.want {
				t.Errorf("Base = %q, want %q", got, c.want)
			}
			if secure := strings.HasPrefix(c.want, "https:"); c.origin.Secure(c.r) != secure {
				t.Errorf("Secure = %v for %q", !secure, got)
			}
		})
	}
}

func TestClientAddr(t *testing.T) {
	for _, c := range []struct {
		name   string
		origin origin.Origin
		r      *http.Request
		want   string
	}{
		{"the peer, without its port", origin.Origin{}, request(stranger, "h"), "203.0.113.9"},
		{"IPv6", origin.Origin{}, request("[2001:db8::1]:443", "h"), "2001:db8::1"},
		{"IPv4 in IPv6 is IPv4", origin.Origin{}, request("[::ffff:203.0.113.9]:443", "h"), "203.0.113.9"},
		{"behind a trusted proxy", behind(), request(proxy, "h", "X-Forwarded-For: 198.51.100.7"), "198.51.100.7"},
		{"behind two", behind(), request(proxy, "h", "X-Forwarded-For: 198.51.100.7, 10.0.0.3"), "198.51.100.7"},
		{"what the client wrote before is hearsay", behind(), request(proxy, "h", "X-Forwarded-For: 192.0.2.1, 198.51.100.7"), "198.51.100.7"},
		{"over several headers", behind(), request(proxy, "h", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 198.51.100.7"), "198.51.100.7"},
		{"with a port", behind(), request(proxy, "h", "X-Forwarded-For: 198.51.100.7:5000"), "198.51.100.7"},
		{"IPv6 in brackets", behind(), request("[fd00::2]:1", "h", "X-Forwarded-For: [2001:db8::7]:5000"), "2001:db8::7"},
		{"words are not addresses", behind(), request(proxy, "h", "X-Forwarded-For: unknown"), "10.0.0.2"},
		{"proxies only", behind(), request(proxy, "h", "X-Forwarded-For: 10.1.1.1"), "10.1.1.1"},
		{"a stranger is not believed", behind(), request(stranger, "h", "X-Forwarded-For: 198.51.100.7"), "203.0.113.9"},
		{"a proxy that says nothing", behind(), request(proxy, "h"), "10.0.0.2"},
		{"a Unix socket", behind(), request("@", "h", "X-Forwarded-For: 198.51.100.7"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.origin.ClientAddr(c.r); got != c.want {
				t.Errorf("ClientAddr = %q, want %q", got, c.want)
			}
		})
	}
}

func TestClientNetwork(t *testing.T) {
	for peer, want := range map[string]string{
		"[2001:db8::1]:443": "2001:db8::/64", "[2001:db8::2:3]:443": "2001:db8::/64", "[2001:db8:0:1::1]:443": "2001:db8:0:1::/64",
		"[::ffff:203.0.113.9]:443": "203.0.113.9", stranger: "203.0.113.9", "@": "",
	} {
		if got := (origin.Origin{}).ClientNetwork(request(peer, "h")); got != want {
			t.Errorf("ClientNetwork of %s = %q, want %q", peer, got, want)
		}
	}
}
