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
	scene   scene
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

// rival is whom the row's ratios are told against: the one that its goal names, or the fastest. Empty if there is none.
func (r result) rival() string {
	best := ""
	for _, p := range r.scene.others {
		f, ok := r.figures[p.name]
		switch {
		case !ok:
		case p.name == r.row.against:
			return p.name
		case best == "" || f.rate > r.figures[best].rate:
			best = p.name
		}
	}
	return best
}

// printRatios tells how often satchel does what the fastest of the others does once.
func printRatios(to io.Writer, results []result) {
	if len(results) == 0 {
		return
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Rates of satchel for one of the other's\trelaxed\tstrict\tgoal\t\tthe other")
	for _, r := range results {
		other := r.rival()
		goal, verdict := "", ""
		if ratio, ok := r.ratio(r.row.judged, other); r.row.goal > 0 && ok {
			goal, verdict = fmt.Sprintf("%s ≥ %g", strings.TrimPrefix(r.row.judged, "satchel "), r.row.goal), "reached"
			if ratio < r.row.goal {
				verdict = "MISSED"
			}
		}
		loose, okLoose := r.ratio(relaxed, other)
		firm, okFirm := r.ratio(strict, other)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.scene.label(r.row), times(loose, okLoose), times(firm, okFirm), goal, verdict, other)
	}
	w.Flush()
	fmt.Fprintln(to)
}

func times(ratio float64, known bool) string {
	if !known {
		return "-"
	}
	return fmt.Sprintf("%.2f×", ratio)
}

func printFigures(to io.Writer, results []result) {
	if len(results) == 0 {
		return
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Figures (medians of the rounds)\t\trate\tslowest … fastest round\tp50\tp99\tserver's CPU\tothers' CPU")
	for _, r := range results {
		title := r.scene.label(r.row)
		for _, p := range r.scene.peers() {
			f, ok := r.figures[p.name]
			if !ok {
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s %s/s\t%s … %s\t%s\t%s\t%s/%s\t%.0f %%\n", title, p.name, digits(f.rate), r.row.unit(), digits(f.low), digits(f.high),
				brief(f.p50), brief(f.p99), brief(f.server), r.row.unit(), 100*f.foreign)
			title = ""
		}
	}
	w.Flush()
	fmt.Fprintln(to)
}

// digits writes a rate with at least three of them.
func digits(rate float64) string {
	switch {
	case rate < 10:
		return fmt.Sprintf("%.2f", rate)
	case rate < 100:
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
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
	fmt.Fprintln(to)
}

// notes says how to read the figures and get them again.
func notes(to io.Writer, b *bench, scenes []scene, args []string) {
	fmt.Fprintf(to, `Machine: %s
Command: bench %s
Each row: %d rounds in turns, of %s or one whole operation; the rows of a set of files one after the other on a fresh server. The client
runs on the same machine. "strict" waits for the disk before it answers.
Others' CPU is what neither client nor server had of the processors in the worst round, the kernel's writing included: figures beside much of it say little.
`, machine(b.work), strings.Join(args, " "), b.rounds, b.length)
	told := map[string]bool{}
	for _, s := range scenes {
		if !told[s.protocol.name] {
			told[s.protocol.name] = true
			fmt.Fprintf(to, "%s: %s\n", s.protocol.name, s.protocol.terms)
		}
	}
}
