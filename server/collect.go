package server

import (
	"database/sql"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/sqldb"
)

// reading is a metric whose value is read from a snapshot when Prometheus asks.
type reading[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(S) float64
}

// snapshots collects readings that are taken from one snapshot, so that they fit together.
type snapshots[S any] struct {
	take     func() S
	readings []reading[S]
}

func (c snapshots[S]) Describe(out chan<- *prometheus.Desc) {
	for _, r := range c.readings {
		out <- r.desc
	}
}

func (c snapshots[S]) Collect(out chan<- prometheus.Metric) {
	s := c.take()
	for _, r := range c.readings {
		out <- prometheus.MustNewConstMetric(r.desc, r.kind, r.value(s))
	}
}

func counter[S any](name, help string, value func(S) float64) reading[S] {
	return reading[S]{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value}
}

func gauge[S any](name, help string, value func(S) float64) reading[S] {
	return reading[S]{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value}
}

func driveCollector(take func() drive.Counts) prometheus.Collector {
	type s = drive.Counts
	return snapshots[s]{take, []reading[s]{
		counter("satchel_uploads_begun_total", "Resumable uploads that were created.", func(c s) float64 { return float64(c.UploadsBegun) }),
		counter("satchel_uploads_completed_total", "Resumable uploads that became a file.", func(c s) float64 { return float64(c.UploadsCompleted) }),
		counter("satchel_uploads_dropped_total", "Resumable uploads that their owner or an administrator ended.", func(c s) float64 { return float64(c.UploadsDropped) }),
		counter("satchel_uploads_expired_total", "Resumable uploads that were removed because nobody went on with them.", func(c s) float64 { return float64(c.UploadsExpired) }),
		counter("satchel_uploads_resumed_total", "Times that an upload was gone on with after a break: the request before had ended early or was another process's, or somebody had asked where to go on.", func(c s) float64 { return float64(c.UploadsResumed) }),
		counter("satchel_uploads_takeovers_total", "Times that a request was asked to let go of an upload, because another one wanted it.", func(c s) float64 { return float64(c.UploadTakeovers) }),
		counter("satchel_uploads_hold_refused_total", "Requests that were refused because another one did not let go of their upload.", func(c s) float64 { return float64(c.HoldsRefused) }),
		counter("satchel_uploads_hold_wait_seconds_total", "Time that requests took until they had the upload that they wanted to themselves.", func(c s) float64 { return c.HoldsWaited.Seconds() }),
		counter("satchel_uploads_checksum_mismatches_total", "Times that bytes of a resumable upload were refused because they differed from their checksum.", func(c s) float64 { return float64(c.ChecksumMismatches) }),
		counter("satchel_bytes_received_total", "Bytes of content that came in, whether or not they became a file.", func(c s) float64 { return float64(c.BytesReceived) }),
		counter("satchel_scrub_read_bytes_total", "Bytes of content that were read again, to see whether it is still what it was.", func(c s) float64 { return float64(c.BytesScrubbed) }),
		counter("satchel_scrub_mended_total", "Damaged contents that are right again, because the same bytes were uploaded once more.", func(c s) float64 { return float64(c.ContentsMended) }),
		counter("satchel_bytes_stored_total", "Bytes of content that became a file.", func(c s) float64 { return float64(c.BytesStored) }),
	}}
}

func eventCollector(take func() hooks.EventCounts) prometheus.Collector {
	type s = hooks.EventCounts
	return snapshots[s]{take, []reading[s]{
		counter("satchel_events_delivered_total", "Events that their receiver took.", func(c s) float64 { return float64(c.Delivered) }),
		counter("satchel_events_failed_total", "Tries to deliver an event that were not answered with 2xx.", func(c s) float64 { return float64(c.Failed) }),
		counter("satchel_events_died_total", "Events that were given up, and became dead letters.", func(c s) float64 { return float64(c.Died) }),
		counter("satchel_events_dropped_total", "Events that were removed without having been taken, because more than max_events were kept.", func(c s) float64 { return float64(c.Dropped) }),
	}}
}

// dbStanding is how the database's pool and its updates stand.
type dbStanding struct {
	sql.DBStats
	retries int64
	waiting int
}

func dbCollector(db *sqldb.DB) prometheus.Collector {
	type s = dbStanding
	take := func() s { return s{db.Stats(), db.Retries(), db.UpdatesWaiting()} }
	return snapshots[s]{take, []reading[s]{
		counter("satchel_db_retries_total", "Updates that ran again because they lost against another.", func(c s) float64 { return float64(c.retries) }),
		gauge("satchel_db_updates_waiting", "Updates that wait for SQLite's one writer; on Postgres 0.", func(c s) float64 { return float64(c.waiting) }),
		gauge("satchel_db_connections_max", "Connections that the pool may open.", func(c s) float64 { return float64(c.MaxOpenConnections) }),
		gauge("satchel_db_connections_in_use", "Connections that are in use.", func(c s) float64 { return float64(c.InUse) }),
		gauge("satchel_db_connections_idle", "Connections that are open and idle.", func(c s) float64 { return float64(c.Idle) }),
		counter("satchel_db_waits_total", "Times that a connection had to be waited for.", func(c s) float64 { return float64(c.WaitCount) }),
		counter("satchel_db_wait_seconds_total", "Time that connections were waited for.", func(c s) float64 { return c.WaitDuration.Seconds() }),
	}}
}

// certificates tells when what is served expires. Names are the settings' or the certificate's own: no stranger makes one up.
type certificates struct {
	served func() []certificate.Served
	until  *prometheus.Desc
}

func certificateCollector(served func() []certificate.Served) prometheus.Collector {
	return certificates{served, prometheus.NewDesc("satchel_tls_certificate_expiry_timestamp_seconds",
		"When a certificate that is served expires, by the first name that it is for.", []string{"name"}, nil)}
}

func (c certificates) Describe(out chan<- *prometheus.Desc) { out <- c.until }

func (c certificates) Collect(out chan<- prometheus.Metric) {
	if c.served == nil {
		return
	}
	for _, s := range c.served() {
		out <- prometheus.MustNewConstMetric(c.until, prometheus.GaugeValue, float64(s.Until.Unix()), s.Name)
	}
}
