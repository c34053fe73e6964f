package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/config"
)

// identity is where the certificates come from.
type identity interface {
	TLS() *tls.Config
	Served() []certificate.Served
	// Run keeps them up to date until ctx ends.
	Run(ctx context.Context) error
}

// openIdentity answers nil where the settings name none: plain HTTP.
func openIdentity(c *config.Config, log *slog.Logger) (identity, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	files, err := certificate.OpenFiles(c.TLSCert, c.TLSKey, log)
	if err != nil {
		return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
	}
	return files, nil
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
