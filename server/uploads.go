package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/drive"
)

const (
	// uploadStatesFresh is how long a count of the uploads on record is shown again: however often and by how many
	// Prometheus is run, the database counts once in that time.
	uploadStatesFresh = 10 * time.Second
	// uploadStatesWait bounds how long a scrape waits for the database.
	uploadStatesWait = 2 * time.Second
)

// uploadStates collects how many uploads are in which state. While the database does not answer, it collects
// nothing: a gap in a graph is true, and the other metrics are there all the same.
type uploadStates struct {
	take func(context.Context) (drive.UploadStates, error)
	log  *slog.Logger

	mu   sync.Mutex
	at   time.Time // when last was taken
	last []prometheus.Metric
}

func (c *uploadStates) readings() []reading[drive.UploadStates] {
	type s = drive.UploadStates
	return []reading[s]{
		gauge("satchel_uploads_open", "Resumable uploads that are unfinished, of all nodes; those that are parts of others too.", func(u s) float64 { return float64(u.Open) }),
		gauge("satchel_uploads_stalled", "Resumable uploads that are unfinished and received no byte for ten minutes.", func(u s) float64 { return float64(u.Stalled) }),
		gauge("satchel_uploads_gone", "Resumable uploads that have expired and are answered with 410 until they are forgotten.", func(u s) float64 { return float64(u.Gone) }),
	}
}

func (c *uploadStates) Describe(out chan<- *prometheus.Desc) {
	for _, r := range c.readings() {
		out <- r.desc
	}
}

func (c *uploadStates) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= uploadStatesFresh {
		c.last = c.count()
		c.at = time.Now()
	}
	for _, metric := range c.last {
		out <- metric
	}
}

func (c *uploadStates) count() (all []prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), uploadStatesWait)
	defer cancel()
	states, err := c.take(ctx)
	if err != nil {
		c.log.Warn("uploads were not counted", "err", err)
		return nil
	}
	for _, r := range c.readings() {
		all = append(all, prometheus.MustNewConstMetric(r.desc, r.kind, r.value(states)))
	}
	return all
}
