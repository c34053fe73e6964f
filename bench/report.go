package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// result is a row with what each peer did.
type result struct {
	row     row
	figures map[string]figures // by the peer's name
}

func (r row) title() string {
	if r.conns == 1 {
		return r.name + ", 1 connection"
	}
	return fmt.Sprintf("%s, %d connections", r.name, r.conns)
}

func (r row) unit() string {
	if r.weight > 0 {
		return "MiB"
	}
	return "op"
}

// ratio is a peer's rate for one of the other's; false if either is not there.
func (r result) ratio(name, other string) (float64, bool) {
	a, ok := r.figures[name]
	b, there := r.figures[other]
	return a.rate / b.rate, ok && there && b.rate > 0
}

// printRatios tells how often satchel does what tusd does once.
func printRatios(to io.Writer, results []result) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Rates of satchel for one of %s\trelaxed\tgoal\t\tstrict\n", tusd)
	for _, r := range results {
		goal, verdict := "", ""
		loose, ok := r.ratio(relaxed, tusd)
		if r.row.goal > 0 && ok {
			goal, verdict = fmt.Sprintf("≥ %.1f", r.row.goal), "reached"
			if loose < r.row.goal {
				verdict = "MISSED"
			}
		}
		firm, both := r.ratio(strict, tusd)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.row.title(), times(loose, ok), goal, verdict, times(firm, both))
	}
	w.Flush()
}

func times(ratio float64, known bool) string {
	if !known {
		return "-"
	}
	return fmt.Sprintf("%.2f×", ratio)
}

func printFigures(to io.Writer, results []result, peers []peer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Figures (medians of the rounds)\t\trate\tslowest … fastest round\tp50\tp99\tserver's CPU\tothers' CPU")
	for _, r := range results {
		title := r.row.title()
		for _, p := range peers {
			f, ok := r.figures[p.name]
			if !ok {
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f %s/s\t%.0f … %.0f\t%s\t%s\t%s/%s\t%.0f %%\n", title, p.name, f.rate, r.row.unit(), f.low, f.high,
				brief(f.p50), brief(f.p99), brief(f.server), r.row.unit(), 100*f.foreign)
			title = ""
		}
	}
	w.Flush()
}

// brief writes a time with three digits.
func brief(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.0f µs", d.Seconds()*1e6)
}

func printTable(to io.Writer, name string, steps []tableStep) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s: time with %d unfinished uploads for that with %d\t\tp50 of %d\tp50 of %d\tp99 of %d\tp99 of %d\n",
		name, manyUploads, fewUploads, fewUploads, manyUploads, fewUploads, manyUploads)
	for _, s := range steps {
		few, many := quantile(s.few, 0.5), quantile(s.many, 0.5)
		fmt.Fprintf(w, "%s, 1 connection\t%.2f×\t%s\t%s\t%s\t%s\n", s.name, many.Seconds()/few.Seconds(),
			brief(few), brief(many), brief(quantile(s.few, 0.99)), brief(quantile(s.many, 0.99)))
	}
	w.Flush()
}

// notes says how to read the figures and get them again.
func notes(to io.Writer, folder string, o options, args []string) {
	fmt.Fprintf(to, `Machine: %s
Command: bench %s
Each row: %d rounds in turns, of %s or one whole file; each on a fresh server. The client runs on the same machine.
%s: a Bearer token is verified and its session looked up with every request. "strict" waits for the disk before it answers.
%s: v2.10.1, file store and file locker; it asks nobody who they are, and never waits for the disk.
Others' CPU is what neither client nor server had of the processors in the worst round, the kernel's writing included: figures beside much of it say little.
`, machine(folder), strings.Join(args, " "), o.rounds, o.length, "satchel", tusd)
}
