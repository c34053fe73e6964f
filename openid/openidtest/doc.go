// Package openidtest runs an OpenID Connect provider for tests. It is strict: a request that a standard does not
// allow is refused, whatever a lenient provider might do with it. It signs with real keys, and tests can make it lie.
package openidtest
