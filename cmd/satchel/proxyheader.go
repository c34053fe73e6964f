package main

import (
	"context"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"

	"github.com/satchelhq/satchel/config"
)

// behindProxies takes from a trusted proxy the address of its client, from the header that its connections begin with (PROXY protocol, versions 1
// and 2). A trusted proxy must send one: if it did not, its clients could. Of everybody else nothing is taken: what looks like such a header
// is a bad request.
func behindProxies(l net.Listener, trusted []netip.Prefix) net.Listener {
	return &proxyproto.Listener{
		Listener: l, ReadHeaderTimeout: headerTimeout,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if trusts(trusted, o.Upstream) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}
}

func trusts(networks []netip.Prefix, address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return false
	}
	peer := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, network := range networks {
		if network.Contains(peer) {
			return true
		}
	}
	return false
}

// asProxy dials the server as it wants to be dialled from here: with a header that says "myself" where this machine is a trusted proxy.
func asProxy(c *config.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err != nil || !c.ProxyProtocol || !trusts(c.TrustedProxies, conn.LocalAddr()) {
			return conn, err
		}
		header := proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
		if _, err := header.WriteTo(conn); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
}
