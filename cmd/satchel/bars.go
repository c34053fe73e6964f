package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/satchelhq/satchel/client"
)

// bars is a display for a terminal: a bar for each file that takes a moment, and a line for all of them.
type bars struct {
	a    *atPrompt
	area *mpb.Progress
	all  *mpb.Bar

	begun time.Time
	files atomic.Int64 // that are done
	bytes atomic.Int64 // that were moved
}

// worthABar is the size of files that get a bar of their own, in bytes. Others would only flicker.
const worthABar = 1 << 20

const barName = 28 // columns for a file's name

func newBars(a *atPrompt) *bars {
	b := &bars{a: a, begun: time.Now(), area: mpb.New(mpb.WithOutput(a.stderr), mpb.WithRefreshRate(150*time.Millisecond))}
	b.all = b.area.New(0, mpb.NopStyle(), mpb.BarPriority(1<<20), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
		moved := b.bytes.Load()
		return fmt.Sprintf("%d files done, %s, %s", b.files.Load(), showSize(moved), showRate(moved, time.Since(b.begun)))
	})))
	return b
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
	if size < worthABar {
		return f
	}
	f.bar = b.area.New(size, mpb.BarStyle().Rbound("]").Lbound("["), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			return runewidth.FillRight(runewidth.Truncate(terminal(name), barName, "…"), barName)
		})),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			return fmt.Sprintf("%3d%% %-22s", s.Current*100/max(s.Total, 1), f.says(size))
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
	if f.bar != nil {
		f.bar.SetCurrent(m.At)
	}
}

// says is what stands behind a file's bar.
func (f *barred) says(size int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.now.Phase {
	case client.Hashing:
		return "hashing"
	case client.Waiting:
		return "again in " + f.now.Wait.Round(time.Second).String()
	}
	moved, took := f.now.At-f.from, time.Since(f.begun)
	if moved <= 0 || took < time.Second/2 {
		return showSize(size)
	}
	left := time.Duration(float64(size-f.now.At) / float64(moved) * float64(took)).Round(time.Second)
	return showRate(moved, took) + ", " + left.String()
}

func (f *barred) done(_ client.Done, err error) {
	if f.bar != nil {
		f.bar.Abort(true)
	}
	if err == nil {
		f.all.files.Add(1)
		return
	}
	f.all.note(f.name, err, false)
}

func (b *bars) note(name string, err error, _ bool) {
	// Above the bars, and not through them.
	_, _ = fmt.Fprintf(b.area, "satchel: %s: %s\n", terminal(name), told(err))
}

func (b *bars) end(sum summary, took time.Duration) {
	b.all.Abort(true)
	b.area.Wait()
	fmt.Fprintf(b.a.stderr, "%s in %s\n", sum, took.Round(100*time.Millisecond))
}
