// Package s3test gives tests a real S3 server, versitygw over a folder, and a proxy in front of it that fails as networks do.
package s3test
