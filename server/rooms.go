package server

import (
	"context"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/satchelhq/satchel/blob"
)

// roomFor is where bytes go that may run out of room. A disk that hangs keeps one goroutine, and is a gap in the graph.
type roomFor struct {
	what  string // the label
	probe *probe

	mu    sync.Mutex
	space blob.Space
}

func newRoomFor(what string, take func(context.Context) (blob.Space, error)) *roomFor {
	r := &roomFor{what: what}
	r.probe = &probe{name: what, check: func(ctx context.Context) error {
		space, err := take(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.space = space
		return err
	}}
	return r
}

// roomCollector tells how much room there is, where that is known.
type roomCollector struct {
	rooms      []*roomFor
	free, size *prometheus.Desc
	log        *slog.Logger
}

func newRoomCollector(log *slog.Logger, rooms ...*roomFor) *roomCollector {
	return &roomCollector{
		rooms: rooms, log: log,
		free: prometheus.NewDesc("satchel_disk_free_bytes", "Room on the file system of the data folder and on that of the blobs, which may be the same; blobs in S3 have none.", []string{"of"}, nil),
		size: prometheus.NewDesc("satchel_disk_size_bytes", "Size of these file systems.", []string{"of"}, nil),
	}
}

func (c *roomCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.free
	out <- c.size
}

func (c *roomCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), tallyWait)
	defer cancel()
	running := make([]<-chan struct{}, len(c.rooms))
	for i, r := range c.rooms {
		running[i] = r.probe.begin()
	}
	for i, r := range c.rooms {
		if err := r.probe.answer(ctx, running[i]); err != nil {
			c.log.Warn("room was not measured", "of", r.what, "err", err)
			continue
		}
		r.mu.Lock()
		space := r.space
		r.mu.Unlock()
		if space.Total > 0 {
			out <- prometheus.MustNewConstMetric(c.free, prometheus.GaugeValue, float64(space.Free), r.what)
			out <- prometheus.MustNewConstMetric(c.size, prometheus.GaugeValue, float64(space.Total), r.what)
		}
	}
}
