package server

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/server/tus"
	"github.com/satchelhq/satchel/sqldb"
)

// Metrics is what is counted, in a registry of its own. It is made before the rooms that report to it.
//
// No label holds a user, a path or anything else that strangers can make up: every label has a short list of values.
type Metrics struct {
	Registry *prometheus.Registry

	meters    sync.Map // requestLabels → *requestMeters
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	sent      *prometheus.CounterVec
	received  *prometheus.CounterVec

	patchDurations prometheus.Histogram
	patchOwn       prometheus.Histogram
	patchBytes     prometheus.Histogram

	davRequests  *prometheus.CounterVec
	davConflicts *prometheus.CounterVec

	dbDurations *prometheus.HistogramVec
	dbErrors    *prometheus.CounterVec
	blobs       blobMeters
	signIns     *prometheus.CounterVec

	admissions         *prometheus.CounterVec
	admissionDurations prometheus.Histogram

	thumbnails         *prometheus.CounterVec
	thumbnailDurations prometheus.Histogram

	jobs         *prometheus.CounterVec
	jobDurations *prometheus.HistogramVec
}

// NewMetrics begins to count.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_http_requests_total", Help: "Requests that have ended, by door, method and status.",
		}, []string{"door", "method", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "satchel_http_request_duration_seconds", Help: "From the request's header to the end of its answer, by door, method and status; without streams of events, which last as long as a page is open.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600}, // uploads take minutes
		}, []string{"door", "method", "code"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_bytes_sent_total", Help: "Bytes of answers' bodies, by door.",
		}, []string{"door"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_http_request_bytes_total", Help: "Bytes of requests' bodies that were read, by door.",
		}, []string{"door"}),
		patchDurations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "satchel_upload_patch_duration_seconds", Help: "Time that the body of a PATCH of an upload took, from its first byte until all were durable or refused.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .1, .5, 2.5, 10, 60, 600, 3600},
		}),
		patchOwn: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "satchel_upload_patch_own_seconds", Help: "Time that a PATCH of an upload took without that in which it waited for bytes of its client.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .1, .5, 2.5, 10, 60},
		}),
		patchBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "satchel_upload_patch_bytes", Help: "Bytes of a PATCH of an upload that were made durable.",
			Buckets: prometheus.ExponentialBuckets(1<<10, 8, 9), // 1 KiB to 16 GiB
		}),
		davRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_dav_requests_total", Help: "WebDAV requests that have ended, by method and by the kind of client that User-Agent names.",
		}, []string{"client", "method"}),
		davConflicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_dav_conflicts_total", Help: "WebDAV requests that were refused because of what is there or who holds it, by status: 409, 412 or 423. A 207 that names what is locked inside a folder is a 423.",
		}, []string{"code"}),
		dbDurations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "satchel_db_duration_seconds", Help: "Time that the database took: a read, an update with its waiting and retries, a commit that SQLite updates share.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"op"}),
		dbErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_db_errors_total", Help: "Calls that failed because of the database and not of what was asked.",
		}, []string{"op"}),
		blobs: newBlobMeters(),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_signins_total", Help: "Sign-ins, registrations, token refreshes, sign-outs and codes, by what came of them.",
		}, []string{"result"}),
		admissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_admissions_total", Help: "Times that admit_webhook was asked whether content may be taken: admitted, rejected, or failed where no answer came that can be understood.",
		}, []string{"result"}),
		admissionDurations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "satchel_admissions_duration_seconds", Help: "Time that asking admit_webhook took, waiting for a turn included.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		thumbnails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_thumbnails_total", Help: "Images whose thumbnails were tried to be made: made, none where the image can have none, failed where that broke or took too long.",
		}, []string{"result"}),
		thumbnailDurations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "satchel_thumbnails_duration_seconds", Help: "Time that an image's thumbnails took, whatever came of it.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}),
		// Not "job": Prometheus has a label of that name for what it asks.
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "satchel_jobs_total", Help: "Runs of background jobs, by result.",
		}, []string{"name", "result"}),
		jobDurations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "satchel_jobs_duration_seconds", Help: "Time that a run of a background job took.",
			Buckets: []float64{.01, .1, 1, 10, 60, 600, 3600},
		}, []string{"name"}),
	}
	m.Registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
		m.requests, m.durations, m.sent, m.received, m.patchDurations, m.patchOwn, m.patchBytes, m.davRequests, m.davConflicts, m.dbDurations, m.dbErrors, m.signIns, m.admissions, m.admissionDurations, m.thumbnails, m.thumbnailDurations, m.jobs, m.jobDurations,
	)
	m.Registry.MustRegister(m.blobs.collectors()...)
	for _, op := range dbOps {
		m.dbDurations.WithLabelValues(op)
		m.dbErrors.WithLabelValues(op)
	}
	for _, result := range signInResults {
		m.signIns.WithLabelValues(result)
	}
	for _, result := range admissionResults {
		m.admissions.WithLabelValues(result)
	}
	for _, result := range thumbnailResults {
		m.thumbnails.WithLabelValues(result)
	}
	for _, code := range davConflicts {
		m.davConflicts.WithLabelValues(code)
	}
	return m
}

// The values of labels. What is not among them counts as "other".
var (
	dbOps         = [...]string{"read", "update", "commit"}
	signInResults = [...]string{"login_ok", "login_failed", "login_limited", "register", "refresh", "refresh_reused", "logout",
		"code_sent", "code_failed", "code_wrong", "password_reset"}
	davConflicts = [...]string{"409", "412", "423"}

	admissionResults = [...]string{hooks.Admitted, hooks.Declined, hooks.Unanswered}
	jobResults       = [...]string{"ok", "failed"}

	thumbnailResults = [...]string{"made", "none", "failed"}

	methods = [...]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT",
	}
)

const otherLabel = "other"

func known(values []string, value string) string {
	for _, v := range values {
		if v == value {
			return v
		}
	}
	return otherLabel
}

// requestLabels are the labels of a request in all metrics, as far as they are known values.
type requestLabels struct {
	door, method string
	status       int    // 0: the connection was cut before there was one
	client       string // of WebDAV, else empty
}

// requestMeters are what counts requests of the same labels. They are looked up once: finding them costs more than counting.
type requestMeters struct {
	requests, sent, received prometheus.Counter
	duration                 prometheus.Observer
	dav                      prometheus.Counter // nil at other doors
}

func (m *Metrics) metersOf(l requestLabels) *requestMeters {
	if found, ok := m.meters.Load(l); ok {
		return found.(*requestMeters)
	}
	code := "none"
	if l.status != 0 {
		code = strconv.Itoa(l.status)
	}
	made := &requestMeters{
		requests: m.requests.WithLabelValues(l.door, l.method, code), duration: m.durations.WithLabelValues(l.door, l.method, code),
		sent: m.sent.WithLabelValues(l.door), received: m.received.WithLabelValues(l.door),
	}
	if l.client != "" {
		made.dav = m.davRequests.WithLabelValues(l.client, l.method)
	}
	found, _ := m.meters.LoadOrStore(l, made)
	return found.(*requestMeters)
}

func (m *Metrics) observeRequest(x *exchange, r *http.Request, took time.Duration) {
	l := requestLabels{door: x.door.name, method: known(methods[:], r.Method)}
	if x.status >= 100 && x.status <= 599 {
		l.status = x.status
	}
	if l.door == davDoor {
		l.client = dav.Client(r.UserAgent())
	}
	of := m.metersOf(l)
	of.requests.Inc()
	if x.Header().Get("Content-Type") != "text/event-stream" { // it lasts as long as somebody looks at a page
		of.duration.Observe(took.Seconds())
	}
	of.sent.Add(float64(x.sent))
	of.received.Add(float64(x.received()))
	if of.dav != nil {
		of.dav.Inc()
	}
}

// observeConflict is for dav.Options.Conflict.
func (m *Metrics) observeConflict(status int) {
	m.davConflicts.WithLabelValues(known(davConflicts[:], strconv.Itoa(status))).Inc()
}

// observePatch is for tus.Options.Observe.
func (m *Metrics) observePatch(p tus.Patched) {
	m.patchDurations.Observe(p.Took.Seconds())
	m.patchOwn.Observe((p.Took - p.Waited).Seconds())
	m.patchBytes.Observe(float64(p.Bytes))
}

// ObserveDB is for sqldb.Options.Observe.
func (m *Metrics) ObserveDB(_ context.Context, op string, began time.Time, err error) {
	op = known(dbOps[:], op)
	m.dbDurations.WithLabelValues(op).Observe(time.Since(began).Seconds())
	if sqldb.Failed(err) {
		m.dbErrors.WithLabelValues(op).Inc()
	}
}

// ObserveSignIn is for authn.Options.Observe.
func (m *Metrics) ObserveSignIn(event string) {
	m.signIns.WithLabelValues(known(signInResults[:], event)).Inc()
}

// ObserveAdmission is for hooks.AdmissionOptions.Observe.
func (m *Metrics) ObserveAdmission(result string, took time.Duration) {
	m.admissions.WithLabelValues(known(admissionResults[:], result)).Inc()
	m.admissionDurations.Observe(took.Seconds())
}

// ObserveThumbnails is for preview.Options.Observe.
func (m *Metrics) ObserveThumbnails(result string, took time.Duration) {
	m.thumbnails.WithLabelValues(known(thumbnailResults[:], result)).Inc()
	m.thumbnailDurations.Observe(took.Seconds())
}

// ExpectJob has the count of a job's runs begin at 0, so that the first one that fails is seen to be one more.
func (m *Metrics) ExpectJob(job string) {
	for _, result := range jobResults {
		m.jobs.WithLabelValues(job, result)
	}
}

// ObserveJob counts a run of a background job on this node. Jobs are named in the program, never by strangers.
func (m *Metrics) ObserveJob(job string, took time.Duration, err error) {
	result := jobResults[0]
	if err != nil {
		result = jobResults[1]
	}
	m.jobs.WithLabelValues(job, result).Inc()
	m.jobDurations.WithLabelValues(job).Observe(took.Seconds())
}
