package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/blob"
)

// blobMeters count what the blob store did.
type blobMeters struct {
	durations *prometheus.HistogramVec
	errors    *prometheus.CounterVec

	requests         *prometheus.CounterVec // of a store over HTTP
	requestDurations *prometheus.HistogramVec
}

func newBlobMeters() blobMeters {
	m := blobMeters{
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "satchel_blob_duration_seconds", Help: "Time that the blob store took for an operation.",
			Buckets: []float64{.0001, .001, .005, .01, .025, .1, .25, 1, 5, 30, 120},
		}, []string{"op"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_blob_errors_total", Help: "Operations that failed because of the blob store: it was full, broke, or had lost bytes.",
		}, []string{"op"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_s3_requests_total", Help: "Requests to S3, each try of its own, by what came of them: ok, missing (404), refused (another 4xx), failed (5xx), broken (no answer), left (nobody waited for it).",
		}, []string{"call", "result"}),
		requestDurations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "satchel_s3_request_duration_seconds", Help: "Time that a request to S3 took; of a download, until it began.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 120},
		}, []string{"call"}),
	}
	for _, op := range blob.Ops() {
		m.durations.WithLabelValues(op)
		m.errors.WithLabelValues(op)
	}
	return m
}

func (m blobMeters) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.durations, m.errors, m.requests, m.requestDurations}
}

// ObserveBlob is for blob.Observed.
func (m *Metrics) ObserveBlob(_ context.Context, op string, began time.Time, err error) {
	m.blobs.durations.WithLabelValues(op).Observe(time.Since(began).Seconds())
	if blob.Failed(err) {
		m.blobs.errors.WithLabelValues(op).Inc()
	}
}

// S3Observer has the metrics of S3 begin at 0, and is for s3.Options.Observe. Calls and results are named by that package, never by strangers.
func (m *Metrics) S3Observer(calls, results []string) func(ctx context.Context, call string, began time.Time, result string) {
	for _, call := range calls {
		m.blobs.requestDurations.WithLabelValues(call)
		for _, result := range results {
			m.blobs.requests.WithLabelValues(call, result)
		}
	}
	return func(_ context.Context, call string, began time.Time, result string) {
		call = known(calls, call)
		m.blobs.requests.WithLabelValues(call, result).Inc()
		m.blobs.requestDurations.WithLabelValues(call).Observe(time.Since(began).Seconds())
	}
}
