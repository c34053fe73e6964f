package dav

// patch changes a part of a file or asks for its checksum.
func (q *request) patch() error {
	if q.r.Header.Get("X-Recalculate-Hash") != "" {
		return q.recalculate()
	}
	return notAllowed(allMethods, "PATCH takes X-Recalculate-Hash.")
}
