//go:build !linux

package preview

// confine has no way here that holds; the bounds that are computed before anything is decoded remain, and the clock.
func confine(int64) error { return nil }
