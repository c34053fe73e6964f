package preview

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// errBroken says that the workshop died, or took too long: because of what it was given, as far as anybody can tell.
var errBroken = errors.New("preview: the workshop broke")

// workshop is the process that orders are given to, started when there is one. It is used by one goroutine at a time.
type workshop struct {
	command []string // program and arguments; the bound of its memory follows
	memory  int64

	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// do gives an order and takes what was made. It fails with errBroken if the workshop does within patience, with ctx's error if that
// ends, and otherwise because of what is not the content's fault.
func (w *workshop) do(ctx context.Context, o order, content io.Reader, patience time.Duration, most int) (d delivery, pieces [][]byte, err error) {
	if w.process == nil {
		if err := w.start(); err != nil {
			return d, nil, err
		}
	}
	ended := w.process
	late, stop := context.WithTimeout(ctx, patience)
	defer stop()
	defer context.AfterFunc(late, func() { _ = ended.Process.Kill() })()
	from := &source{Reader: content}
	if d, pieces, err = w.exchange(o, from, most); err == nil {
		return d, pieces, nil
	}
	how := w.kill()
	switch {
	case ctx.Err() != nil:
		return d, nil, ctx.Err()
	case from.err != nil:
		return d, nil, from.err
	}
	return d, nil, fmt.Errorf("%w: %w (%s)", errBroken, err, how)
}

func (w *workshop) exchange(o order, content io.Reader, most int) (d delivery, pieces [][]byte, err error) {
	if err := writeFrame(w.in, o); err != nil {
		return d, nil, err
	}
	if n, err := io.Copy(w.in, io.LimitReader(content, o.Size)); err != nil || n < o.Size {
		return d, nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	if err := readFrame(w.out, &d); err != nil {
		return d, nil, err
	}
	for _, p := range d.Pieces {
		if p.Length < 0 || p.Length > most || len(pieces) > 2 {
			return d, nil, errors.New("it delivers too much")
		}
		b := make([]byte, p.Length)
		if _, err := io.ReadFull(w.out, b); err != nil {
			return d, nil, err
		}
		pieces = append(pieces, b)
	}
	return d, pieces, nil
}

// source remembers why content could not be read, which is nobody's fault in the workshop.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// start starts the process. It knows none of the server's secrets: its environment is its own.
func (w *workshop) start() error {
	arguments := append(w.command[1:len(w.command):len(w.command)], strconv.FormatInt(w.memory, 10))
	cmd := exec.Command(w.command[0], arguments...)
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = os.TempDir()
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("preview: workshop: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Join(fmt.Errorf("preview: workshop: %w", err), in.Close())
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("preview: workshop: %w", err)
	}
	w.process, w.in, w.out = cmd, in, bufio.NewReader(out)
	return nil
}

// kill ends the process at once and answers how it ended.
func (w *workshop) kill() string {
	if w.process == nil {
		return ""
	}
	_ = w.process.Process.Kill()
	_ = w.process.Wait()
	how := w.process.ProcessState.String()
	w.process = nil
	return how
}
