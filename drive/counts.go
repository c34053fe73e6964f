package drive

import "sync/atomic"

// counts is what happened since the start.
type counts struct {
	begun, completed, dropped, expired, resumed, received, stored atomic.Int64
}

// Counts is what the drives of this process did since it started, for metrics. Its values only grow.
type Counts struct {
	UploadsBegun     int64 // resumable uploads created
	UploadsCompleted int64 // and become a file
	UploadsDropped   int64 // and ended by their owner
	UploadsExpired   int64 // and removed by the sweep
	UploadsResumed   int64 // continued at an offset above zero
	BytesReceived    int64 // of content, by every door, whether or not it became a file
	BytesStored      int64 // of content that became a file
}

// Counts answers what happened since the start.
func (s *Drives) Counts() Counts {
	return Counts{
		UploadsBegun:     s.counts.begun.Load(),
		UploadsCompleted: s.counts.completed.Load(),
		UploadsDropped:   s.counts.dropped.Load(),
		UploadsExpired:   s.counts.expired.Load(),
		UploadsResumed:   s.counts.resumed.Load(),
		BytesReceived:    s.counts.received.Load(),
		BytesStored:      s.counts.stored.Load(),
	}
}
