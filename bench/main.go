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
	"sync"
	"syscall"
	"time"
)

type options struct {
	satchel, tusd         string // programs
	nginx, apache, rclone string
	versitygw             string // an S3 server
	folder                string // where the servers' data goes
	rounds                int
	length                time.Duration
	patience              time.Duration
	only                  *regexp.Regexp
	profiles              string // folder for CPU profiles, empty for none
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
	f.StringVar(&o.tusd, "tusd", "bin/peers/tusd", "the `program` to compare its uploads with; empty for none")
	f.StringVar(&o.nginx, "nginx", "/usr/sbin/nginx", "the `program` to compare its WebDAV with, which has the dav-ext module; empty for none")
	f.StringVar(&o.apache, "apache", "/usr/sbin/apache2", "the `program` to compare its WebDAV with; empty for none")
	f.StringVar(&o.rclone, "rclone", "/usr/bin/rclone", "the `program` to compare its WebDAV with; empty for none")
	f.StringVar(&o.versitygw, "versitygw", "bin/versitygw", "the `program` that serves S3")
	f.StringVar(&o.folder, "folder", os.TempDir(), "where the servers' data goes, 2 GiB a round: a `folder` on the disk that is meant")
	f.IntVar(&o.rounds, "rounds", 5, "how often each server runs a row, 1 to 50")
	f.DurationVar(&o.length, "length", 2*time.Second, "how long a round of small requests takes, 100ms to 1m")
	f.DurationVar(&o.patience, "patience", 10*time.Second, "how long a round waits for other programs to leave the processors alone, up to 10m")
	f.StringVar(&o.profiles, "profiles", "", "write a CPU profile of satchel for each row into this `folder`; its figures are worse for it")
	f.StringVar(&only, "only", "", "rows whose protocol and name match this `pattern`, as in 'WebDAV: GET'")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return o, err
	}
	if o.rounds < 1 || o.rounds > 50 || o.length < 100*time.Millisecond || o.length > time.Minute || o.patience < 0 || o.patience > 10*time.Minute {
		return o, errors.New("-rounds, -length or -patience is out of its bounds (see -help)")
	}
	for _, program := range []*string{&o.satchel, &o.tusd, &o.nginx, &o.apache, &o.rclone, &o.versitygw} {
		if *program == "" {
			continue
		}
		if *program, err = filepath.Abs(*program); err != nil {
			return o, err
		}
	}
	for _, program := range []string{o.satchel, o.tusd} {
		if _, err := os.Stat(program); program != "" && err != nil {
			return o, fmt.Errorf("%w (make bench builds it)", err)
		}
	}
	return o, nil
}

// bench is one run of this program.
type bench struct {
	options
	work     string
	progress io.Writer
	begun    int
}

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
	if err := os.Chmod(work, 0o711); err != nil { // the peers may run as somebody else
		return err
	}
	b := &bench{options: o, work: work, progress: stderr}
	tus := tusClient{newContents()}
	scenes, err := b.scenes(ctx, tus)
	if err != nil {
		return err
	}
	var results []result
	for _, s := range scenes {
		of, err := b.play(ctx, s)
		results = append(results, of...)
		if err != nil {
			printRatios(stdout, results) // what was measured until then took long enough
			printFigures(stdout, results)
			notes(stdout, b, scenes, args)
			return err
		}
	}
	printRatios(stdout, results)
	if err := b.tables(ctx, tus, stdout); err != nil {
		return err
	}
	for _, more := range []func() error{
		func() error { return b.sides(ctx, b.bucketScenes(tus), stdout) },
		func() error { return b.requests(ctx, tus, stdout) },
		func() error { return b.sides(ctx, b.nodeScenes(tus, sync.OnceValues(startPostgres)), stdout) },
		func() error { return b.crowded(ctx, tus, stdout) },
	} {
		if err := more(); err != nil {
			return err
		}
	}
	printFigures(stdout, results)
	notes(stdout, b, scenes, args)
	return nil
}

// scenes are those of which at least one row was asked for.
func (b *bench) scenes(ctx context.Context, tus tusClient) ([]scene, error) {
	var others []peer
	if b.tusd != "" {
		others = append(others, tusdPeer(b.tusd))
	}
	all := tus.scenes(b.tusPeers(), others)
	dav := davClient(tus)
	if len(b.chosen(dav.scenes(davPeers{}))) > 0 { // else their programs need not be there
		peers, err := b.davPeers(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, dav.scenes(peers)...)
	}
	return b.chosen(all), nil
}

// chosen are the scenes with those of their rows that were asked for.
func (b *bench) chosen(all []scene) []scene {
	var chosen []scene
	for _, s := range all {
		if s = s.only(b.only.MatchString); len(s.rows) > 0 {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// tusPeers are satchel as the rows of tus ask it: with a bearer token.
func (b *bench) tusPeers() []peer {
	return []peer{satchelPeer(b.satchel, relaxed, "relaxed", false), satchelPeer(b.satchel, strict, "strict", false)}
}

// tables runs the comparison of table.go, if it was asked for.
func (b *bench) tables(ctx context.Context, tus tusClient, stdout io.Writer) error {
	if !b.only.MatchString(tableName) {
		return nil
	}
	for _, p := range b.tusPeers() {
		fmt.Fprintf(b.progress, "%s, %s\n", tableName, p.name)
		steps, err := tus.table(ctx, p, b.begin, b.patience)
		if err != nil {
			return err
		}
		printTable(stdout, p.name, steps)
	}
	return nil
}
