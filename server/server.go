package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/api"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/server/overview"
	"github.com/satchelhq/satchel/server/tus"
	"github.com/satchelhq/satchel/server/web"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/traces"
	"github.com/satchelhq/satchel/turn"
)

// Options are the rooms that a Server brings requests to.
type Options struct {
	Accounts *authn.Accounts
	Drives   *drive.Drives
	Previews *preview.Previews
	Events   *hooks.Events
	// Asks is whether somebody is asked before content is taken, and so wants to know of the request (hooks.WithRequest).
	Asks  bool
	Turns *turn.Turns // default turn.New of DB

	BackupEvery func() time.Duration // how often there is to be a backup, for metrics; not positive is never, as is nil
	DB          *sqldb.DB
	Blobs       blob.Store
	Pages       *pages.Pages
	Origin      origin.Origin
	// CORSOrigins are the origins whose scripts may use tus, WebDAV and the API, spelled as browsers spell them; "*" is every one.
	CORSOrigins []string
	Metrics     *Metrics     // default NewMetrics()
	Log         *slog.Logger // default slog.Default()
	// Traces, if set, is told of requests.
	Traces *traces.Traces
	// AccessLog, if set, has the lines about requests, which are not in the log then but at level debug.
	AccessLog *AccessLog
	// HSTS is how long browsers are to come by HTTPS only; 0 tells them nothing.
	HSTS time.Duration
	// Certificates are those that the listener serves; nil if it speaks plain HTTP.
	Certificates func() []certificate.Served
	// Version is the program's, for administrators.
	Version string
	// DataSpace, if set, is the room that the data folder has, for metrics.
	DataSpace func(context.Context) (blob.Space, error)
	// NoFinderQuota keeps from Finder how full a drive is.
	NoFinderQuota bool
}

// ErrShutdown is the cause to end the context of requests with when the server stops: an upload that is under way
// then keeps what arrived.
var ErrShutdown = tus.ErrShutdown

// Server brings requests to their doors. It is safe for use by many goroutines.
type Server struct {
	accounts    *authn.Accounts
	drives      *drive.Drives
	origin      origin.Origin
	crossOrigin *http.CrossOriginProtection
	corsOrigins []string
	asks        bool
	hsts        []string // the header's value; nil if there is none
	doors       doors
	probes      []*probe
	metrics     *Metrics
	log         *slog.Logger
	traces      *traces.Traces
	access      *accessLog // nil: requests are in the log
	watch       *watch
	inFlight    atomic.Int64
	endStreams  func()

	bodyPatience time.Duration
}

// New wires the doors to the rooms. What it needs is required but for the defaults that Options names.
func New(o Options) (*Server, error) {
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	if o.Turns == nil {
		o.Turns = turn.New(o.DB, "")
	}
	uploads, err := tus.New(tus.Options{Drives: o.Drives, Origin: o.Origin, Log: o.Log, Observe: o.Metrics.observePatch})
	if err != nil {
		return nil, err
	}
	view := overview.Source{Accounts: o.Accounts, Drives: o.Drives, Jobs: o.Turns, Version: o.Version}
	people := web.New(web.Options{Accounts: o.Accounts, Drives: o.Drives, Previews: o.Previews, Origin: o.Origin, Pages: o.Pages, Mount: davPrefix, Overview: view})
	return assemble(o, handlers{
		tus: uploads, box: people.Boxes(uploads.ServeBox),
		dav: dav.New(dav.Options{Drives: o.Drives, Origin: o.Origin, Log: o.Log, Prefix: davPrefix, NoFinderQuota: o.NoFinderQuota, Conflict: o.Metrics.observeConflict,
			Uploads: dav.Uploads{BeginUpload: uploads.CreateIn, TellUploads: uploads.TellCreateIn}}),
		above:     dav.Above(davPrefix),
		api:       api.New(api.Options{Accounts: o.Accounts, Drives: o.Drives, Previews: o.Previews, Events: o.Events, Origin: o.Origin, Uploads: tus.Prefix, Mount: davPrefix, Overview: view}),
		web:       people,
		webRefuse: people.Refuse, endStreams: people.EndStreams,
	})
}

// davPrefix is where a drive is mounted.
const davPrefix = "/dav/"

// assemble is New with whatever stands behind the doors.
func assemble(o Options, h handlers) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Turns == nil {
		o.Turns = turn.New(o.DB, "")
	}
	crossOrigin, err := newCrossOrigin(o.Origin)
	if err != nil {
		return nil, err
	}
	s := &Server{
		accounts: o.Accounts, drives: o.Drives, origin: o.Origin, crossOrigin: crossOrigin, corsOrigins: o.CORSOrigins, asks: o.Asks, hsts: strictTransport(o.HSTS), traces: o.Traces, metrics: o.Metrics, log: o.Log, bodyPatience: bodyPatience, endStreams: h.endStreams,
		probes: []*probe{{name: "database", check: o.DB.Ready}, {name: "blobs", check: o.Blobs.Ready}},
	}
	if o.AccessLog != nil {
		s.access = &accessLog{AccessLog: *o.AccessLog, log: o.Log}
	}
	s.watch = newWatch(o.Accounts, func(err error) { o.Log.Warn("running requests were not asked whether they still may", "err", err) })
	h.health = s.health(false)
	s.doors = newDoors(h)
	rooms := []*roomFor{newRoomFor("blobs", func(ctx context.Context) (blob.Space, error) {
		space, _, err := o.Drives.Space(ctx)
		return space, err
	})}
	if o.DataSpace != nil {
		rooms = append(rooms, newRoomFor("data", o.DataSpace))
	}
	o.Metrics.Registry.MustRegister(
		newRoomCollector(o.Log, rooms...),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "satchel_info", Help: "1, with what serves: the version and the kind of database.",
			ConstLabels: prometheus.Labels{"version": o.Version, "database": string(o.DB.Engine())},
		}, func() float64 { return 1 }),
		driveCollector(o.Drives.Counts), uploadTally(o.Drives.UploadStates, o.Log), lockTally(o.Drives.LocksHeld, o.Log), scrubTally(o.Drives.ScrubStanding, o.Log), eventCollector(o.Events.Counts), eventTally(o.Events.Standing, o.Log), jobTally(o.Turns.All, o.Log), backupTally(o.Turns.All, o.BackupEvery, o.Log), dbCollector(o.DB), certificateCollector(o.Certificates),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "satchel_http_requests_in_flight", Help: "Requests that are being answered.",
		}, func() float64 { return float64(s.inFlight.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "satchel_db_hears", Help: "1 while this node hears at once what other nodes changed; 0 while the connection for that is lost.",
		}, func() float64 {
			if o.DB.Hears() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "satchel_thumbnails_waiting", Help: "Images that wait for their thumbnails, those that are being decoded among them.",
		}, func() float64 { return float64(o.Previews.Waiting()) }),
	)
	return s, nil
}

// EndStreams ends the requests that last as long as the page that listens, so that the server can stop.
func (s *Server) EndStreams() {
	if s.endStreams != nil {
		s.endStreams()
	}
}

// idlePoll is how often Idle looks.
const idlePoll = 10 * time.Millisecond

// Idle waits until no request is being answered, or ctx ends, whose error it returns.
func (s *Server) Idle(ctx context.Context) error {
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	for s.inFlight.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// InFlight is how many requests are being answered.
func (s *Server) InFlight() int64 { return s.inFlight.Load() }
