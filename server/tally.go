package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/turn"
)

const (
	// tallyFresh is how long a count of what is on record is shown again: however often and by how many
	// Prometheus is run, the database counts once in that time.
	tallyFresh = 10 * time.Second
	// tallyWait bounds how long a scrape waits for the database.
	tallyWait = 2 * time.Second
)

// tally collects readings of what the database counts. While it does not answer, nothing is collected: a gap in a graph
// is true, and the other metrics are there all the same.
type tally[S any] struct {
	what     string // is counted, for the log
	take     func(context.Context) (S, error)
	readings []reading[S]
	log      *slog.Logger
	// spread, if set, makes metrics of spreadDescs with a label, for each of what there are some.
	spread      func(S) []prometheus.Metric
	spreadDescs []*prometheus.Desc

	mu   sync.Mutex
	at   time.Time // when last was taken
	last []prometheus.Metric
}

func uploadTally(take func(context.Context) (drive.UploadStates, error), log *slog.Logger) *tally[drive.UploadStates] {
	type s = drive.UploadStates
	return &tally[s]{what: "uploads", take: take, log: log, readings: []reading[s]{
		gauge("satchel_uploads_open", "Resumable uploads that are unfinished, of all nodes; those that are parts of others too.", func(u s) float64 { return float64(u.Open) }),
		gauge("satchel_uploads_stalled", "Resumable uploads that are unfinished and received no byte for ten minutes.", func(u s) float64 { return float64(u.Stalled) }),
		gauge("satchel_uploads_gone", "Resumable uploads that have expired and are answered with 410 until they are forgotten.", func(u s) float64 { return float64(u.Gone) }),
	}}
}

func lockTally(take func(context.Context) (int64, error), log *slog.Logger) *tally[int64] {
	return &tally[int64]{what: "locks", take: take, log: log, readings: []reading[int64]{
		gauge("satchel_dav_locks", "WebDAV locks that are held, of all nodes.", func(n int64) float64 { return float64(n) }),
	}}
}

func scrubTally(take func(context.Context) (drive.ScrubStanding, error), log *slog.Logger) *tally[drive.ScrubStanding] {
	type s = drive.ScrubStanding
	age := prometheus.NewDesc("satchel_scrub_age_seconds", "Time since all content was last read again from the first to the last, or since that was first begun; missing where scrub_every is never.", nil, nil)
	every := prometheus.NewDesc("satchel_scrub_every_seconds", "How often all content is to be read again: scrub_every; missing where it is never.", nil, nil)
	return &tally[s]{what: "damaged contents", take: take, log: log, readings: []reading[s]{
		gauge("satchel_scrub_damaged", "Contents that were not what is on record when they were last read.", func(st s) float64 { return float64(st.Damaged) }),
	}, spreadDescs: []*prometheus.Desc{age, every}, spread: func(st s) []prometheus.Metric {
		if st.Every == 0 {
			return nil
		}
		return []prometheus.Metric{
			prometheus.MustNewConstMetric(age, prometheus.GaugeValue, st.Age.Seconds()),
			prometheus.MustNewConstMetric(every, prometheus.GaugeValue, st.Every.Seconds()),
		}
	}}
}

func eventTally(take func(context.Context) (hooks.EventsStanding, error), log *slog.Logger) *tally[hooks.EventsStanding] {
	type s = hooks.EventsStanding
	return &tally[s]{what: "events", take: take, log: log, readings: []reading[s]{
		gauge("satchel_events_waiting", "Events that wait to be delivered, of all nodes.", func(e s) float64 { return float64(e.Waiting) }),
		gauge("satchel_events_dead", "Dead letters: events that were given up and can be sent again.", func(e s) float64 { return float64(e.Dead) }),
		gauge("satchel_events_oldest_seconds", "How long the oldest event has waited that does; 0 if none does.", func(e s) float64 {
			if e.Oldest.IsZero() {
				return 0
			}
			return max(0, time.Since(e.Oldest).Seconds())
		}),
		gauge("satchel_events_paused", "1 while nothing is delivered because the receiver answered 410.", func(e s) float64 {
			if e.Paused.IsZero() {
				return 0
			}
			return 1
		}),
	}}
}

func jobTally(take func(context.Context) ([]turn.Job, error), log *slog.Logger) *tally[[]turn.Job] {
	age := prometheus.NewDesc("satchel_jobs_age_seconds", "Time since a background job last ended well on any node, or since it is known if it never did.", []string{"name"}, nil)
	well := prometheus.NewDesc("satchel_jobs_last_success_timestamp_seconds", "When a background job last ended well, on any node.", []string{"name"}, nil)
	return &tally[[]turn.Job]{what: "jobs", take: take, log: log, spreadDescs: []*prometheus.Desc{age, well}, spread: func(all []turn.Job) (metrics []prometheus.Metric) {
		for _, j := range all {
			metrics = append(metrics, prometheus.MustNewConstMetric(age, prometheus.GaugeValue, j.Age.Seconds(), j.Name))
			if !j.Well.IsZero() {
				metrics = append(metrics, prometheus.MustNewConstMetric(well, prometheus.GaugeValue, float64(j.Well.UnixMilli())/1000, j.Name))
			}
		}
		return metrics
	}}
}

// The jobs that are no server's (satchel backup, satchel drill), as they are on record.
const (
	backupJob = "backup"
	drillJob  = "drill"
)

// backupTally tells of the backups and drills that commands have made. every is how often there is to be a backup.
func backupTally(take func(context.Context) ([]turn.Job, error), every func() time.Duration, log *slog.Logger) *tally[[]turn.Job] {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	due := desc("satchel_backup_every_seconds", "How often satchel backup is to be run: backup_every; missing where it is never.")
	lacking := desc("satchel_backup_lacking_contents", "Contents that the last backup that was made lacks, since they were damaged or gone; missing until there is one.")
	descs := []*prometheus.Desc{due, lacking}
	type told struct{ age, failures, took *prometheus.Desc }
	of := map[string]told{
		backupJob: {desc("satchel_backup_age_seconds", "Time since a backup was last made, on whatever machine, or since one was first tried; missing until then."),
			desc("satchel_backup_failures", "Runs of satchel backup that failed since one went well; missing until there is one."),
			desc("satchel_backup_duration_seconds", "Time that the last run of satchel backup that ended took; missing until there is one.")},
		drillJob: {desc("satchel_drill_age_seconds", "Time since a restore drill last went well, or since one was first tried; missing until then."),
			desc("satchel_drill_failures", "Runs of satchel drill that failed since one went well; missing until there is one."),
			desc("satchel_drill_duration_seconds", "Time that the last run of satchel drill that ended took; missing until there is one.")},
	}
	for _, t := range of {
		descs = append(descs, t.age, t.failures, t.took)
	}
	return &tally[[]turn.Job]{what: "backups", take: take, log: log, spreadDescs: descs, spread: func(all []turn.Job) (metrics []prometheus.Metric) {
		add := func(desc *prometheus.Desc, value float64) {
			metrics = append(metrics, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value))
		}
		if every != nil {
			if every := every(); every > 0 {
				add(due, every.Seconds())
			}
		}
		for _, j := range all {
			t, ok := of[j.Name]
			if !ok {
				continue
			}
			add(t.age, j.Age.Seconds())
			if !j.Ended.IsZero() {
				add(t.failures, float64(j.Failures))
				add(t.took, j.Took.Seconds())
			}
			if j.Name == backupJob && !j.Well.IsZero() {
				add(lacking, float64(j.Lacking))
			}
		}
		return metrics
	}}
}

func (c *tally[S]) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range c.spreadDescs {
		out <- desc
	}
	for _, r := range c.readings {
		out <- r.desc
	}
}

func (c *tally[S]) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= tallyFresh {
		c.last = c.count()
		c.at = time.Now()
	}
	for _, metric := range c.last {
		out <- metric
	}
}

func (c *tally[S]) count() (all []prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), tallyWait)
	defer cancel()
	s, err := c.take(ctx)
	if err != nil {
		c.log.Warn(c.what+" were not counted", "err", err)
		return nil
	}
	for _, r := range c.readings {
		all = append(all, prometheus.MustNewConstMetric(r.desc, r.kind, r.value(s)))
	}
	if c.spread != nil {
		all = append(all, c.spread(s)...)
	}
	return all
}
