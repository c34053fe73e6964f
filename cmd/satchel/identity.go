package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"strconv"

	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/sqldb"
)

// identity is where the certificates come from.
type identity interface {
	TLS() *tls.Config
	Served() []certificate.Served
	// Run keeps them up to date until ctx ends.
	Run(ctx context.Context) error
}

// openIdentity answers nil where the settings name none: plain HTTP.
func openIdentity(c *config.Config, db *sqldb.DB, log *slog.Logger) (identity, error) {
	if len(c.ACMEDomains) > 0 {
		host, port := hostAndPort(c.Listen)
		_, plain := hostAndPort(c.HTTPListen)
		email := ""
		if mailbox, err := mail.ParseAddress(c.ACMEEmail); err == nil { // or there is none
			email = mailbox.Address
		}
		return certificate.NewACME(db, certificate.ACMEOptions{Domains: c.ACMEDomains, Email: email, Directory: c.ACMEDirectory,
			Host: host, TLSPort: port, HTTPPort: plain, Log: log}), nil
	}
	if c.TLSCert == "" {
		return nil, nil
	}
	files, err := certificate.OpenFiles(c.TLSCert, c.TLSKey, log)
	if err != nil {
		return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
	}
	return files, nil
}

// hostAndPort takes an address of the settings apart; the port of one that is off is 0.
func hostAndPort(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return "", 0
	}
	return host, port
}

// challenges has the listener for plain HTTP answer an authority that looks whether the name leads here.
func challenges(who identity, next http.Handler) http.Handler {
	if acme, ok := who.(*certificate.ACME); ok {
		return acme.Challenges(next)
	}
	return next
}

// served is for server.Options.
func served(who identity) func() []certificate.Served {
	if who == nil {
		return nil
	}
	return who.Served
}

// The windows of HTTP/2: how many bytes of bodies may be under way. Go's own of 1 MiB hold a connection, which is all that a browser opens, to 9.8 MB/s
// where a round trip takes 100 ms; with these an upload gets 38 MB/s there. Of a request that nobody reads as much may be in memory.
const (
	streamWindow     = 4 << 20
	connectionWindow = 8 << 20
)

// withHTTP2 has the server speak TLS, if who is not nil, and HTTP/2 with it; or HTTP/2 without TLS, if h2c.
func withHTTP2(srv *http.Server, who identity, h2c bool) {
	if who != nil {
		srv.TLSConfig = who.TLS()
	}
	srv.Protocols.SetHTTP2(who != nil)
	srv.Protocols.SetUnencryptedHTTP2(h2c)
	srv.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connectionWindow}
}
