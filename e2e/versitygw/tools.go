//go:build tools

// Package versitygw pins the S3 server that the tests of blob/s3 and e2e start. It has a module of its own, so that what it needs does
// not become what the product needs.
package versitygw

import _ "github.com/versity/versitygw/cmd/versitygw"
