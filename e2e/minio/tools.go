//go:build tools

// Package minio pins the second S3 server that the tests of blob/s3 start. It has a module of its own, as versitygw has: what it needs does not
// become what the product needs, and neither does its licence (AGPL), since it is only run.
package minio

import _ "github.com/minio/minio"
