package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/server"
	"github.com/satchelhq/satchel/server/origin"
)

// listen opens an address; flag is the one that changes it.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program listens on %s: stop it, or choose another address with %s", address, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("no permission to listen on %s: choose a port above 1023 with %s, or give the program CAP_NET_BIND_SERVICE", address, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine has no address %s: choose one that it has with %s", address, flag)
	}
	return nil, fmt.Errorf("listen on %s (%s): %w", address, flag, err)
}

// listeners are where requests come in.
type listeners struct {
	public       net.Listener
	plain, admin net.Listener // nil if there are none
}

func openListeners(ctx context.Context, c *config.Config) (l listeners, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	given, err := givenListeners()
	if err != nil {
		return l, err
	}
	for _, open := range []struct {
		to                 *net.Listener
		key, address, flag string
	}{{&l.public, "listen", c.Listen, "--listen"}, {&l.plain, "http_listen", c.HTTPListen, "--http-listen"}, {&l.admin, "admin_listen", c.AdminListen, "--admin-listen"}} {
		if *open.to = given[open.key]; *open.to != nil {
			continue
		}
		if open.address == "" {
			continue
		}
		if *open.to, err = listen(ctx, open.address, open.flag); err != nil {
			return l, err
		}
	}
	if c.ProxyProtocol {
		l.public = behindProxies(l.public, c.TrustedProxies)
		if l.plain != nil {
			l.plain = behindProxies(l.plain, c.TrustedProxies)
		}
	}
	return l, nil
}

func (l listeners) close() error {
	var failed []error
	for _, one := range []net.Listener{l.public, l.plain, l.admin} {
		if one != nil {
			failed = append(failed, one.Close())
		}
	}
	return errors.Join(failed...)
}

// The bounds of a connection. A body has none here: an upload takes as long as it takes, and package server cuts one that stands still.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// newHTTPServer speaks HTTP/1.1; base is the context of every request.
func newHTTPServer(base context.Context, handler http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
}

// redirectTimeout bounds a request that is sent on to HTTPS, with its answer.
const redirectTimeout = 30 * time.Second

// newRedirectServer sends plain HTTP on to where HTTPS listens.
func newRedirectServer(base context.Context, from origin.Origin, who identity, https net.Listener, log *slog.Logger) *http.Server {
	_, port, err := net.SplitHostPort(https.Addr().String())
	if err != nil {
		port = "443"
	}
	srv := newHTTPServer(base, challenges(who, server.Redirect(from, port)), log)
	srv.ReadTimeout, srv.WriteTimeout, srv.IdleTimeout = redirectTimeout, redirectTimeout, redirectTimeout
	return srv
}

// greet tells people where to go.
func greet(w io.Writer, c *config.Config, l listeners) {
	base := "http://" + reachable(l.public.Addr().String())
	if c.TLS() {
		base = "https://" + reachable(l.public.Addr().String())
	}
	if c.PublicURL != nil {
		base = c.PublicURL.String()
	}
	fmt.Fprintf(w, "page    %s/\ntus     %s/files/\nWebDAV  %s/dav/\n", base, base, base)
	fmt.Fprintf(w, "join    %s\n", newcomers(c))
	if l.admin != nil {
		fmt.Fprintf(w, "metrics http://%s/metrics\n", reachable(l.admin.Addr().String()))
	}
}

// newcomers says who may make an account, which whoever starts a server that strangers can reach wants to know at once.
func newcomers(c *config.Config) string {
	proven := ""
	switch c.Verify {
	case config.VerifyEmail:
		proven = " with a confirmed e-mail address"
	case config.VerifyPhone:
		proven = " with a confirmed phone number"
	}
	var who string
	switch c.Registration {
	case config.RegistrationOpen:
		who = "anyone" + proven
	case config.RegistrationInvite:
		who = "the invited" + proven + " (satchel invite create)"
	default:
		who = "nobody by themselves (satchel user add)"
	}
	follows := c.OIDCRegistration == config.OIDCFollow && c.Registration == config.RegistrationOpen && c.Verify != config.VerifyPhone
	if c.OIDCIssuer != "" && (c.OIDCRegistration == config.RegistrationOpen || follows) {
		who += ", and whoever signs in at " + c.OIDCIssuer
	}
	return who
}

// reachable is an address that can be opened on this machine: "all addresses" is none.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "127.0.0.1" // not a name: a bare image has no /etc/hosts
	}
	return net.JoinHostPort(host, port)
}
