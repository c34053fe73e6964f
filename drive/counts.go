package drive

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// counts is what happened since the start.
type counts struct {
	begun, completed, dropped, expired, resumed, takeovers, holdsRefused, holdsWaited, mismatches, received, stored, scrubbed, mended atomic.Int64
}

// Counts is what the drives of this process did since it started, for metrics. Its values only grow.
type Counts struct {
	UploadsBegun       int64         // resumable uploads created
	UploadsCompleted   int64         // and become a file
	UploadsDropped     int64         // and ended by their owner or an administrator
	UploadsExpired     int64         // and removed by the sweep
	UploadsResumed     int64         // times that one was gone on with after a break: see flow
	UploadTakeovers    int64         // times that a request was asked to let go of an upload
	HoldsRefused       int64         // requests that were refused because another one did not let go of an upload
	HoldsWaited        time.Duration // that requests took until they had the upload that they wanted
	ChecksumMismatches int64         // times that bytes of an upload were not what their checksum said
	BytesReceived      int64         // of content, by every door, whether or not it became a file
	BytesStored        int64         // of content that became a file
	BytesScrubbed      int64         // that were read to see whether content is still what it was
	ContentsMended     int64         // contents that were damaged, and are right again by an upload of the same bytes or from a backup
}

// Counts answers what happened since the start.
func (s *Drives) Counts() Counts {
	return Counts{
		UploadsBegun:       s.counts.begun.Load(),
		UploadsCompleted:   s.counts.completed.Load(),
		UploadsDropped:     s.counts.dropped.Load(),
		UploadsExpired:     s.counts.expired.Load(),
		UploadsResumed:     s.counts.resumed.Load(),
		UploadTakeovers:    s.counts.takeovers.Load(),
		HoldsRefused:       s.counts.holdsRefused.Load(),
		HoldsWaited:        time.Duration(s.counts.holdsWaited.Load()),
		ChecksumMismatches: s.counts.mismatches.Load(),
		BytesReceived:      s.counts.received.Load(),
		BytesStored:        s.counts.stored.Load(),
		BytesScrubbed:      s.counts.scrubbed.Load(),
		ContentsMended:     s.counts.mended.Load(),
	}
}

// stalledAfter is how long an unfinished upload may receive nothing before it counts as stalled.
const stalledAfter = 10 * time.Minute

// UploadStates is how many uploads are in which state, of all drives and by all processes.
type UploadStates struct {
	Open    int64 // unfinished, those among them that are parts of others
	Stalled int64 // and without a byte for ten minutes
	Gone    int64 // expired, and answered with Gone until they are forgotten
}

// UploadStates counts the uploads on record. It reads one index from end to end.
func (s *Drives) UploadStates(ctx context.Context) (u UploadStates, err error) {
	now := s.o.Now()
	err = s.db.Row(ctx, `SELECT
			COUNT(CASE WHEN gone_at = 0 AND expires_at >= $1 THEN 1 END),
			COUNT(CASE WHEN gone_at = 0 AND expires_at >= $1 AND active_at < $2 THEN 1 END),
			COUNT(CASE WHEN gone_at > 0 OR expires_at < $1 THEN 1 END)
		FROM uploads WHERE completed_at = 0`, []any{sqldb.Micros(now), sqldb.Micros(now.Add(-stalledAfter))}, &u.Open, &u.Stalled, &u.Gone)
	return u, fault.Wrap(err, "drive.UploadStates")
}
