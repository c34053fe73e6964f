// Package mem keeps blobs in memory. Nothing survives the process: it is for the tests of
// other packages and for small tools, and stands where blob/disk would.
package mem
