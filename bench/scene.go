package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// protocol is what servers are compared by.
type protocol struct {
	name  string
	terms string // under which they are compared
}

// scene is a server's state and what is measured on it: rows that need the same files share them.
type scene struct {
	protocol protocol
	ours     []peer // satchel
	others   []peer // whom it is held against
	// fill, if set, makes what the rows need. It is not measured.
	fill func(ctx context.Context, c *child) error
	rows []row
	bulk bool // few large files: they are removed after each run
}

// label is what -only matches.
func (s scene) label(r row) string { return s.protocol.name + ": " + r.title() }

func (s scene) peers() []peer { return append(append([]peer(nil), s.ours...), s.others...) }

// only is the scene with those of its rows that were asked for.
func (s scene) only(matches func(string) bool) scene {
	var rows []row
	for _, r := range s.rows {
		if matches(s.label(r)) {
			rows = append(rows, r)
		}
	}
	s.rows = rows
	return s
}

// play measures the rows of a scene, the servers in turns. With an error it answers what was measured before.
func (b *bench) play(ctx context.Context, s scene) ([]result, error) {
	samples := make([]map[string][]sample, len(s.rows))
	for i := range samples {
		samples[i] = map[string][]sample{}
	}
	peers := s.peers()
	for round := range b.rounds {
		for i := range peers {
			p := peers[(i+round)%len(peers)] // nobody is always the first
			took, err := b.once(ctx, p, s)
			if err != nil {
				return s.results(samples), fmt.Errorf("%s, %s: %w", s.protocol.name, p.name, err)
			}
			for k, one := range took {
				samples[k][p.name] = append(samples[k][p.name], one)
				fmt.Fprintf(b.progress, "%s, round %d, %s: %s %s/s, others had %.0f %%\n",
					s.label(s.rows[k]), round+1, p.name, digits(one.rate), s.rows[k].unit(), 100*one.foreign)
			}
		}
	}
	return s.results(samples), nil
}

// results are those of samples, which are by row and by the peer's name.
func (s scene) results(samples []map[string][]sample) []result {
	var all []result
	for i, r := range s.rows {
		if len(samples[i]) == 0 {
			continue
		}
		of := result{scene: s, row: r, figures: map[string]figures{}}
		for name, measured := range samples[i] {
			of.figures[name] = summarise(measured)
		}
		all = append(all, of)
	}
	return all
}

// once runs the rows of a scene on a fresh server.
func (b *bench) once(ctx context.Context, p peer, s scene) ([]sample, error) {
	c, err := b.begin(ctx, p)
	if err != nil {
		return nil, err
	}
	defer func() {
		c.stop()
		if s.bulk {
			c.remove()
		}
	}()
	if s.fill != nil {
		if err := s.fill(ctx, c); err != nil {
			return nil, err
		}
	}
	var all []sample
	for _, r := range s.rows {
		if err := awaitQuiet(ctx, b.patience); err != nil {
			return nil, err
		}
		one, err := b.measure(ctx, c, r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.title(), err)
		}
		all = append(all, one)
	}
	return all, nil
}

// begin starts a server in a folder of its own.
func (b *bench) begin(ctx context.Context, p peer) (*child, error) {
	b.begun++
	folder := filepath.Join(b.work, fmt.Sprintf("%03d", b.begun))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	return p.start(ctx, folder)
}
