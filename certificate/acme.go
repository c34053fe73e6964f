package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/satchelhq/satchel/sqldb"
)

// ACMEOptions say for which names certificates are asked for, and where.
type ACMEOptions struct {
	Domains   []string // in lower case
	Email     string   // which the authority writes to; may be empty
	Directory string   // URL of the authority (RFC 8555, section 7.1.1)
	// Host is where the server listens, and the ports are those of its listeners, which the authority reaches as 443 and 80. A HTTPPort of 0 is none: then the
	// authority comes by TLS-ALPN-01 alone.
	Host              string
	TLSPort, HTTPPort int
	Log               *slog.Logger
}

// ACME has certificates from an authority that speaks ACME, and renews them. It is safe for use by many goroutines.
type ACME struct {
	domains []string
	log     *slog.Logger
	cache   *certmagic.Cache
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
}

// acmeProtocol is what a TLS-ALPN-01 challenge negotiates (RFC 8737, section 6.2).
const acmeProtocol = "acme-tls/1"

// NewACME keeps certificates, and the key of the account, in a database with the schema of package sqldb. Nothing is asked for before Run.
func NewACME(db *sqldb.DB, o ACMEOptions) *ACME {
	a := &ACME{domains: o.Domains, log: o.Log}
	logger := zapTo(o.Log)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: logger,
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil }})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage: newStorage(db), Logger: logger,
		// Who names no host, or another one, is shown the first certificate: a probe, say, or somebody who typed an address.
		DefaultServerName: o.Domains[0], FallbackServerName: o.Domains[0],
		OCSP: certmagic.OCSPConfig{DisableStapling: true}, // authorities have stopped to answer it (CA/Browser Forum, ballot SC-063)
	})
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: o.Directory, Email: o.Email, Agreed: true, Logger: logger,
		ListenHost: o.Host, AltTLSALPNPort: o.TLSPort, AltHTTPPort: o.HTTPPort, DisableHTTPChallenge: o.HTTPPort == 0,
	})
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	return a
}

// TLS are the settings that serve the certificates, and answer TLS-ALPN-01 challenges.
func (a *ACME) TLS() *tls.Config {
	config := settings(func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		// A challenge is looked up in the database: not for names that nobody asked a certificate for.
		if slices.Contains(hello.SupportedProtos, acmeProtocol) && !a.knows(hello.ServerName) {
			return nil, errors.New("certificate: a challenge for a name that is not ours")
		}
		return a.config.GetCertificate(hello)
	})
	config.NextProtos = append(config.NextProtos, acmeProtocol)
	return config
}

func (a *ACME) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(a.domains, strings.ToLower(host))
}

// Challenges answers HTTP-01 challenges for the names of the certificates, on every node whichever asked for them, and leaves the rest to next.
func (a *ACME) Challenges(next http.Handler) http.Handler {
	challenges := a.issuer.HTTPChallengeHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.knows(r.Host) {
			challenges.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Served are the certificates that there are, in the order of the names.
func (a *ACME) Served() (all []Served) {
	for _, domain := range a.domains {
		var newest certmagic.Certificate
		for _, one := range a.cache.AllMatchingCertificates(domain) {
			if one.Leaf != nil && (newest.Leaf == nil || one.Leaf.NotAfter.After(newest.Leaf.NotAfter)) {
				newest = one
			}
		}
		if newest.Leaf != nil {
			all = append(all, Served{domain, newest.Leaf.NotAfter})
		}
	}
	return all
}

// Run asks for what is missing and renews what is about to expire until ctx ends. What is refused is tried again, for a month, at longer and longer intervals.
func (a *ACME) Run(ctx context.Context) error {
	defer a.cache.Stop()
	if err := a.config.ManageAsync(ctx, a.domains); err != nil {
		return err
	}
	told := map[string]time.Time{}
	for {
		for _, s := range a.Served() {
			if !told[s.Name].Equal(s.Until) {
				told[s.Name] = s.Until
				tell(a.log, s)
			}
		}
		if !pause(ctx, time.Second) {
			return nil
		}
	}
}
