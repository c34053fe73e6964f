package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

type options struct {
	satchel, tusd string // programs
	folder        string // where the servers' data goes
	rounds        int
	length        time.Duration
	patience      time.Duration
	only          *regexp.Regexp
	table         bool
	profiles      string // folder for CPU profiles, empty for none
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.satchel, "satchel", "bin/satchel", "the `program` to measure")
	f.StringVar(&o.tusd, "tusd", "bin/peers/tusd", "the `program` to compare it with; empty for none")
	f.StringVar(&o.folder, "folder", os.TempDir(), "where the servers' data goes, 2 GiB at most: a `folder` on the disk that is meant")
	f.IntVar(&o.rounds, "rounds", 5, "how often each server runs a row, 1 to 50")
	f.DurationVar(&o.length, "length", 2*time.Second, "how long a round of small requests takes, 100ms to 1m")
	f.DurationVar(&o.patience, "patience", 10*time.Second, "how long a round waits for other programs to leave the processors alone, up to 10m")
	f.StringVar(&o.profiles, "profiles", "", "write a CPU profile of satchel for each row into this `folder`; its figures are worse for it")
	f.StringVar(&only, "only", "", "rows whose name matches this `pattern`")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return o, err
	}
	o.table = o.only.MatchString(tableName)
	if o.rounds < 1 || o.rounds > 50 || o.length < 100*time.Millisecond || o.length > time.Minute || o.patience < 0 || o.patience > 10*time.Minute {
		return o, errors.New("-rounds, -length or -patience is out of its bounds (see -help)")
	}
	for _, program := range []*string{&o.satchel, &o.tusd} {
		if *program == "" {
			continue
		}
		if *program, err = filepath.Abs(*program); err != nil {
			return o, err
		}
		if _, err := os.Stat(*program); err != nil {
			return o, fmt.Errorf("%w (make bench builds it)", err)
		}
	}
	return o, nil
}

// tableName is what -only matches for the comparison of table.go.
const tableName = "20000 unfinished uploads"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.folder, "satchel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{options: o, work: work, client: newTusClient(), progress: stderr}
	peers := []peer{satchelPeer(o.satchel, relaxed, "relaxed"), satchelPeer(o.satchel, strict, "strict")}
	if o.tusd != "" {
		peers = append(peers, tusdPeer(o.tusd))
	}
	results, err := b.rows(ctx, peers)
	if err != nil {
		return err
	}
	if len(results) > 0 {
		printRatios(stdout, results)
		fmt.Fprintln(stdout)
	}
	if o.table {
		for _, p := range peers[:2] {
			fmt.Fprintf(stderr, "%s, %s\n", tableName, p.name)
			steps, err := b.client.table(ctx, p, b.begin, o.patience)
			if err != nil {
				return err
			}
			printTable(stdout, p.name, steps)
			fmt.Fprintln(stdout)
		}
	}
	if len(results) > 0 {
		printFigures(stdout, results, peers)
		fmt.Fprintln(stdout)
	}
	notes(stdout, work, o, args)
	return nil
}

// bench is one run of this program.
type bench struct {
	options
	work     string
	client   *tusClient
	progress io.Writer
	begun    int
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

// rows measures every row that is asked for.
func (b *bench) rows(ctx context.Context, peers []peer) ([]result, error) {
	var results []result
	for _, r := range b.client.rows() {
		if !b.only.MatchString(r.title()) {
			continue
		}
		samples := map[string][]sample{}
		for round := range b.rounds {
			for i := range peers {
				p := peers[(i+round)%len(peers)] // nobody is always the first
				s, err := b.once(ctx, p, r)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", r.title(), p.name, err)
				}
				samples[p.name] = append(samples[p.name], s)
				fmt.Fprintf(b.progress, "%s, round %d, %s: %.0f %s/s, others had %.0f %%\n", r.title(), round+1, strings.TrimSpace(p.name), s.rate, r.unit(), 100*s.foreign)
			}
		}
		done := result{row: r, figures: map[string]figures{}}
		for name, all := range samples {
			done.figures[name] = summarise(all)
		}
		results = append(results, done)
	}
	return results, nil
}

// once runs a row on a fresh server.
func (b *bench) once(ctx context.Context, p peer, r row) (sample, error) {
	c, err := b.begin(ctx, p)
	if err != nil {
		return sample{}, err
	}
	defer c.stop()
	if err := awaitQuiet(ctx, b.patience); err != nil {
		return sample{}, err
	}
	if b.profiles == "" || c.profile == "" {
		return measure(ctx, c, r, b.length)
	}
	return b.profiled(ctx, c, r)
}
