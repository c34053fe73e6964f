package preview

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/picture"
	"github.com/satchelhq/satchel/sqldb"
)

// Options sets the bounds. New fills in the defaults of what is zero, but for Workers and Command.
type Options struct {
	// Workers is how many images are decoded at once, each in a process of its own; 0 makes no thumbnails.
	Workers int
	// Memory is how many bytes an image and what is made of it may take in such a process; default 256 MiB.
	Memory int64
	// Work is how long an image may keep such a process busy, on the processor and not by the clock, which says little about an image on a
	// busy machine; default 15 s.
	Work time.Duration
	// Command starts the process: a program and its arguments, to which Memory is added, that calls Serve with its standard input and
	// output. Without one there are neither thumbnails nor Markdown.
	Command []string
	Log     *slog.Logger // default slog.Default()
	Now     func() time.Time
	// Observe, if set, is called when thumbnails were tried to be made: "made", "none" or "failed".
	Observe func(result string, took time.Duration)
}

// Previews makes and finds what is seen of files. It is safe for use by many goroutines.
type Previews struct {
	db     *sqldb.DB
	drives *drive.Drives
	queue  *Queue
	o      Options
	pages  *bench
}

// Thumbnail is a small picture of a file. It holds nothing of the file but pixels.
type Thumbnail struct {
	MediaType string // image/jpeg or image/png
	Content   []byte
}

// The sizes of thumbnails: the longer side in pixels, of which smaller images have less.
const (
	Small = picture.Small
	Large = picture.Large
)

// maxSource is the largest file, in bytes, that has thumbnails.
const maxSource = 64 << 20

// patience is how long Thumbnail waits for one to be made.
const patience = 10 * time.Second

// New gives access to the previews of the files in drives. Thumbnails are made while Run runs.
func New(db *sqldb.DB, drives *drive.Drives, queue *Queue, o Options) *Previews {
	if o.Memory <= 0 {
		o.Memory = 256 << 20
	}
	if o.Work <= 0 {
		o.Work = 15 * time.Second
	}
	if len(o.Command) == 0 {
		o.Workers = 0
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	return &Previews{db: db, drives: drives, queue: queue, o: o, pages: newBench(o)}
}

func none() error {
	return fault.New(fault.NotFound, "preview.Thumbnail", "There is no thumbnail of this.").WithCode("no_thumbnail")
}

// Waiting is how many images wait for their thumbnails.
func (p *Previews) Waiting() int { return p.queue.Len() }

// Thumbnail answers a file and its thumbnail of about size pixels, Small or Large. One that is not there yet is made, in front of those that
// nobody waits for. NotFound, with code "no_thumbnail" if the file can have none; Busy if it takes too long or too many wait.
func (p *Previews) Thumbnail(ctx context.Context, driveID string, path drive.Path, size int) (drive.Node, Thumbnail, error) {
	node, err := p.drives.Stat(ctx, driveID, path)
	if err != nil {
		return node, Thumbnail{}, fault.Wrap(err, "preview.Thumbnail")
	}
	t, known, err := p.Known(ctx, node, size)
	if known || err != nil {
		return node, t, err
	}
	if err := p.wait(ctx, image{driveID, node.ID}); err != nil {
		return node, t, err
	}
	t, known, err = p.find(ctx, node, size)
	if !known && err == nil { // the file has other content by now, or it could not be read
		err = busy()
	}
	return node, t, err
}

// Known is Thumbnail for who does not wait: known is false where nobody has tried to make one yet. NotFound if the file can have none.
func (p *Previews) Known(ctx context.Context, file drive.Node, size int) (t Thumbnail, known bool, err error) {
	if !Pictured(file) || p.o.Workers == 0 {
		return t, true, none()
	}
	return p.find(ctx, file, size)
}

func (p *Previews) wait(ctx context.Context, i image) error {
	task, ok := p.queue.add(i, true)
	if !ok {
		return busy()
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-task.done:
		return nil
	case <-late.C:
		return busy()
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), "preview.wait")
	}
}

func busy() error {
	return fault.New(fault.Busy, "preview.Thumbnail", "The thumbnail is being made. Try again.").WithCode("thumbnail_pending")
}

// ParseSize reads a size as an address spells it. Empty is Small.
func ParseSize(text string) (size int, ok bool) {
	for _, size := range [...]int{Small, Large} {
		if text == strconv.Itoa(size) {
			return size, true
		}
	}
	return Small, text == ""
}
