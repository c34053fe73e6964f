package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/satchelhq/satchel/client"
)

// bars is a display for a terminal: a bar for each file that takes a moment, and a line for all of them.
type bars struct {
	a    *atPrompt
	area *mpb.Progress
	all  *mpb.Bar

	columns int // for a file's name

	begun time.Time
	files atomic.Int64 // that are done
	bytes atomic.Int64 // that were moved
}

// worthABar is the size of files that get a bar of their own, in bytes. Others would only flicker.
const worthABar = 1 << 20

// barName is the columns for a file's name on a terminal of 72 columns and more.
const barName = 28

func newBars(a *atPrompt) *bars {
	console := cupwriter.New(fromTheLeft{a.stderr}, false)
	console.SetTermFd(int(a.stderr.(*os.File).Fd()))
	columns := barName
	if width, _, err := term.GetSize(int(a.stderr.(*os.File).Fd())); err == nil && width < 72 {
		columns = width / 3
	}
	b := &bars{a: a, columns: columns, begun: time.Now(), area: mpb.New(mpb.WithConsoleWriter(console), mpb.WithRefreshRate(150*time.Millisecond))}
	b.all = b.area.New(0, mpb.NopStyle(), mpb.BarPriority(1<<20), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
		moved := b.bytes.Load()
		return fmt.Sprintf("%d done, %s, %s", b.files.Load(), showSize(moved), showRate(moved, time.Since(b.begun)))
	})))
	return b
}

// fromTheLeft begins each drawing in the first column: a terminal has written ^C when somebody typed that.
type fromTheLeft struct{ io.Writer }

func (w fromTheLeft) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, "\r"); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}

// showRate is a number of bytes in a second.
func showRate(bytes int64, in time.Duration) string {
	if in < time.Second/2 {
		return "-/s"
	}
	return showSize(int64(float64(bytes)/in.Seconds())) + "/s"
}

func (b *bars) begin(name string, size int64) displayed {
	f := &barred{all: b, name: name}
	called := mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
		return runewidth.FillRight(runewidth.Truncate(terminal(name), b.columns, "…"), b.columns)
	}))
	if size == unknownSize {
		f.bar = b.area.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(), called,
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return f.says(size) })))
		return f
	}
	if size < worthABar {
		return f
	}
	// One more than there is: a bar that is full is over, and this one is full twice, by hashing and by moving.
	f.bar = b.area.New(size+1, mpb.BarStyle().Rbound("]").Lbound("["), mpb.BarRemoveOnComplete(), called,
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			return fmt.Sprintf("%3d%% %-22s", s.Current*100/size, f.says(size))
		})),
	)
	return f
}

// barred is a file with a bar, if it is worth one.
type barred struct {
	all  *bars
	name string
	bar  *mpb.Bar // may be nil

	mu     sync.Mutex
	now    client.Moment
	from   int64 // where moving began, in bytes
	begun  time.Time
	before int64 // bytes that all's count has of it
}

func (f *barred) observe(m client.Moment) {
	at := f.keep(m)
	if f.bar != nil { // without f.mu: the bar may be drawing, and asks says
		f.bar.SetCurrent(at)
	}
}

// keep takes a moment, and answers how far the file is.
func (f *barred) keep(m client.Moment) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.Phase == client.Moving && f.begun.IsZero() {
		f.from, f.begun, f.before = m.At, time.Now(), m.At
	}
	if m.Phase == client.Waiting {
		m.At = f.now.At
	}
	f.now = m
	if m.Phase == client.Moving && m.At > f.before {
		f.all.bytes.Add(m.At - f.before)
		f.before = m.At
	}
	return m.At
}

// says is what stands behind a file's bar.
func (f *barred) says(size int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.now.Phase {
	case client.Hashing:
		return "hashing"
	case client.Waiting:
		return "again in " + (f.now.Wait + time.Second - 1).Truncate(time.Second).String()
	}
	moved, took := f.now.At-f.from, time.Since(f.begun)
	if size == unknownSize {
		return showSize(f.now.At) + ", " + showRate(moved, took)
	}
	if moved <= 0 || took < time.Second/2 {
		return showSize(size)
	}
	left := time.Duration(float64(size-f.now.At) / float64(moved) * float64(took)).Round(time.Second)
	return showRate(moved, took) + ", " + left.String()
}

func (f *barred) leave() {
	if f.bar != nil {
		f.bar.Abort(true)
	}
}

func (f *barred) done(_ client.Done, err error) {
	f.leave()
	if err == nil {
		f.all.files.Add(1)
		return
	}
	f.all.note(f.name, err, false)
}

// listed is in the count at the end.
func (*bars) listed(client.How, string) {}

func (b *bars) note(name string, err error, _ bool) {
	// Above the bars, and not through them.
	_, _ = fmt.Fprintf(b.area, "satchel: %s: %s\n", terminal(name), told(err))
}

func (b *bars) end(sum summary, took time.Duration) {
	b.all.Abort(true)
	b.area.Wait()
	fmt.Fprintf(b.a.stderr, "%s in %s\n", sum, took.Round(100*time.Millisecond))
}
