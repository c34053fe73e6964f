// Package s3test gives tests real S3 servers, versitygw over a folder and MinIO, and a proxy in front of one that fails as networks do.
package s3test
