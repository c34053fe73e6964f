//go:build tools

// Package peers pins the servers that the bench compares with. They have a module of their own, so that what they need
// does not become what the product needs.
package peers

import _ "github.com/tus/tusd/v2/cmd/tusd"
