// Package certificatetest makes an authority, and certificates of it, for tests.
package certificatetest
