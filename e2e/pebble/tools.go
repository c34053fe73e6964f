//go:build tools

// Package pebble pins the ACME server of the tests of e2e, and the name server that has its answers led to this machine. It has a module of its own,
// so that what they need does not become what the product needs.
package pebble

import (
	_ "github.com/letsencrypt/pebble/v2/cmd/pebble"
	_ "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv"
)
