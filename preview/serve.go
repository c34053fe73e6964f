package preview

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/satchelhq/satchel/picture"
)

// maxStack bounds the stack of a workshop, in bytes.
const maxStack = 64 << 20

// workLook is how often a workshop looks whether it has worked for too long.
const workLook = 100 * time.Millisecond

// Serve is the workshop: it takes orders from in and delivers to out until in ends. It bounds the memory of this whole process, in
// bytes, and makes it give way to all others. The process is expected to die of content that is too hard.
func Serve(in io.Reader, out io.Writer, memory int64) error {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(memory)
	if err := confine(memory); err != nil {
		return fmt.Errorf("preview: the workshop is not confined: %w", err)
	}
	from, to := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		var o order
		if err := readFrame(from, &o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if o.Size < 0 || o.Size > memory {
			return errors.New("preview: an order is too large")
		}
		content := make([]byte, o.Size)
		if _, err := io.ReadFull(from, content); err != nil {
			return err
		}
		done := boundWork(time.Duration(o.Work))
		d, pieces := fulfil(o, content, memory)
		done()
		if err := deliver(to, d, pieces); err != nil {
			return err
		}
		content, pieces = nil, nil
		debug.FreeOSMemory() // what one image needed is not kept beside what the next one needs
	}
}

// boundWork ends this process when it has worked for longer than most, unless done is called before.
func boundWork(most time.Duration) (done func()) {
	if most <= 0 {
		return func() {}
	}
	begin, stop := worked(), make(chan struct{})
	go func() {
		look := time.NewTicker(workLook)
		defer look.Stop()
		for {
			select {
			case <-stop:
				return
			case <-look.C:
				if worked()-begin > most {
					os.Exit(1)
				}
			}
		}
	}()
	return func() { close(stop) }
}

func deliver(to *bufio.Writer, d delivery, pieces [][]byte) error {
	if err := writeFrame(to, d); err != nil {
		return err
	}
	for _, p := range pieces {
		if _, err := to.Write(p); err != nil {
			return err
		}
	}
	return to.Flush()
}

func fulfil(o order, content []byte, memory int64) (delivery, [][]byte) {
	switch o.What {
	case orderThumbnails:
		return thumbnailsOf(content, memory)
	case orderMarkdown:
		return markdownOf(content, o)
	}
	return delivery{None: "nobody knows how to make this"}, nil
}

func thumbnailsOf(content []byte, memory int64) (d delivery, pieces [][]byte) {
	made, err := picture.Thumbnails(content, picture.Limits{Memory: memory})
	if err != nil {
		return delivery{None: err.Error()}, nil
	}
	for _, t := range made {
		d.Pieces = append(d.Pieces, piece{t.Size, t.MediaType, len(t.Content)})
		pieces = append(pieces, t.Content)
	}
	return d, pieces
}

func markdownOf(content []byte, o order) (delivery, [][]byte) {
	html, err := renderMarkdown(content, o.Folder, o.Top)
	if err != nil {
		return delivery{None: err.Error()}, nil
	}
	if len(html) > maxMarkdownHTML {
		return delivery{None: "it becomes too long"}, nil
	}
	return delivery{Pieces: []piece{{MediaType: "text/html", Length: len(html)}}}, [][]byte{html}
}
