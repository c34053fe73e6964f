package origin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin is how this server is reached. The zero value believes the request and no proxy.
type Origin struct {
	// Public, if set, is the scheme and host of every link, whatever the request says.
	Public *url.URL
	// Trusted are the networks of reverse proxies whose X-Forwarded-* headers are believed.
	Trusted []netip.Prefix
}

// Base is the scheme and host that the client used, "https://files.example.org", without a slash at the end.
func (o Origin) Base(r *http.Request) string {
	if o.Public != nil {
		return o.Public.Scheme + "://" + o.Public.Host
	}
	return o.scheme(r) + "://" + o.host(r)
}

// Hostname is the host of Base without a port, in lower case; an IPv6 address is without brackets.
func (o Origin) Hostname(r *http.Request) string {
	u, err := url.Parse(o.Base(r))
	if err != nil { // host lets nothing through that cannot stand in an address
		return "localhost"
	}
	return strings.ToLower(u.Hostname())
}

// Secure reports whether the client speaks HTTPS, to us or to the proxy in front.
func (o Origin) Secure(r *http.Request) bool {
	if o.Public != nil {
		return o.Public.Scheme == "https"
	}
	return o.scheme(r) == "https"
}

// ClientAddr is the client's IP address, without a port: the nearest one that is not a trusted proxy's.
// It is empty if the peer has none (a Unix socket).
func (o Origin) ClientAddr(r *http.Request) string {
	addr, ok := peer(r)
	if !ok {
		return ""
	}
	// Each proxy appended the peer that it saw, so the list is read from its end,
	// and what stands before the first address that is not a proxy's is hearsay.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && o.trusts(addr); i-- {
		hop, ok := parseAddr(hops[i])
		if !ok {
			break
		}
		addr = hop
	}
	return addr.String()
}

// ClientNetwork is what a client is counted by: ClientAddr, and of an IPv6 address its first 64 bits, since whoever has one has a network of them.
func (o Origin) ClientNetwork(r *http.Request) string {
	address := o.ClientAddr(r)
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address
}

// FromProxy reports whether the peer is a trusted proxy.
func (o Origin) FromProxy(r *http.Request) bool {
	addr, ok := peer(r)
	return ok && o.trusts(addr)
}

func (o Origin) scheme(r *http.Request) string {
	if o.FromProxy(r) {
		if proto := strings.ToLower(last(r.Header.Values("X-Forwarded-Proto"))); proto == "http" || proto == "https" {
			return proto
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func (o Origin) host(r *http.Request) string {
	if o.FromProxy(r) {
		if host := last(r.Header.Values("X-Forwarded-Host")); validHost(host) {
			return host
		}
	}
	if validHost(r.Host) {
		return r.Host
	}
	// HTTP/1.0 has no Host; the address that was connected to is as good.
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return "localhost"
}

func (o Origin) trusts(addr netip.Addr) bool {
	for _, network := range o.Trusted {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// peer is the address of who is connected to us.
func peer(r *http.Request) (netip.Addr, bool) { return parseAddr(r.RemoteAddr) }

// parseAddr reads an address with or without a port, as proxies write both.
func parseAddr(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	// A network is written without zone and as plain IPv4; what is compared with it must be too.
	return addr.Unmap().WithZone(""), true
}

// last is the last element of a list header: the one that the proxy next to us wrote.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	list := values[len(values)-1]
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

// maxHost is the length of the longest DNS name, a colon and a port.
const maxHost = 253 + 6

// validHost reports whether s is a host with an optional port and nothing else, so that it can stand in a
// link. net/http lets more through.
func validHost(s string) bool {
	if s == "" || len(s) > maxHost {
		return false
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || port[0] == '+' || port[0] == '-' {
			return false
		}
	}
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		return err == nil && strings.HasSuffix(host, "]") && addr.Is6() && addr.Zone() == ""
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return host != ""
}
