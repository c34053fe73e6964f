// Package certificate is who the server is to those who come by TLS.
//
//   - served.go  what all sources of certificates have: settings of TLS, and what is served until when
//   - acme.go    certificates that are asked for, and renewed, by ACME; storage.go keeps them in rows, zap.go has certmagic write to our log
//   - files.go   a certificate in files, which is read again when they change
//
// Who a client is has nothing to do with it: that is authn's.
package certificate
