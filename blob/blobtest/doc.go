// Package blobtest holds the tests that every blob.Store passes. A store's own
// package calls Run, and tests besides what only it promises.
package blobtest
