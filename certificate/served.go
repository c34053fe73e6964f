package certificate

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Served is a certificate in use.
type Served struct {
	Name  string    // the first that it is for
	Until time.Time // when it expires
}

func servedBy(leaf *x509.Certificate) Served {
	name := leaf.Subject.CommonName
	switch {
	case len(leaf.DNSNames) > 0:
		name = leaf.DNSNames[0]
	case len(leaf.IPAddresses) > 0:
		name = leaf.IPAddresses[0].String()
	}
	return Served{Name: cmp.Or(name, "unnamed"), Until: leaf.NotAfter}
}

// settings are those of every source: TLS 1.2 at least (RFC 9325, section 3.1.1), with the cipher suites that Go prefers. HTTP/2 is offered
// first; net/http leaves out what its server does not speak.
func settings(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get, NextProtos: []string{"h2", "http/1.1"}}
}
