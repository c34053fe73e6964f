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

var (
	// errBroken says that the workshop ended itself over what it was given: it needed too much memory or time.
	errBroken = errors.New("preview: the workshop broke")
	// errCut says that it was ended, by the system or because it was not done in time: on a machine that is busy enough that is nobody's fault.
	errCut = errors.New("preview: the workshop was cut off")
)

// workshop is the process that orders are given to, started when there is one. It is used by one goroutine at a time.
type workshop struct {
	command []string // program and arguments; the bound of its memory follows
	memory  int64

	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// do gives an order and takes what was made. It fails with errBroken, errCut, ctx's error if that ends, and otherwise because content could not
// be read, or no process be started.
func (w *workshop) do(ctx context.Context, o order, content io.ReadSeeker, patience time.Duration, most int) (delivery, [][]byte, error) {
	ctx, stop := context.WithTimeoutCause(ctx, patience, errCut)
	defer stop()
	for {
		fresh := w.process == nil
		d, pieces, err := w.once(ctx, o, content, most)
		if fresh || ctx.Err() != nil || !errors.Is(err, errBroken) && !errors.Is(err, errCut) {
			return d, pieces, err
		}
		// It may have died while it had nothing to do.
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return d, nil, err
		}
	}
}

func (w *workshop) once(ctx context.Context, o order, content io.Reader, most int) (d delivery, pieces [][]byte, err error) {
	if w.process == nil {
		if err := w.start(); err != nil {
			return d, nil, err
		}
	}
	process := w.process.Process
	unwatch := context.AfterFunc(ctx, func() { _ = process.Kill() })
	from := &source{Reader: content}
	d, pieces, err = w.exchange(o, from, most)
	inTime := unwatch()
	if err == nil && inTime {
		return d, pieces, nil
	}
	ended := w.end(inTime)
	switch {
	case ctx.Err() != nil:
		return d, nil, context.Cause(ctx)
	case from.err != nil:
		return d, nil, from.err
	case !ended.Exited(): // by a signal that is none of ours
		return d, nil, fmt.Errorf("%w: %w (%s)", errCut, err, ended)
	}
	return d, nil, fmt.Errorf("%w: %w (%s)", errBroken, err, ended)
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

// endPatience is how long a process may take to end that has closed its output.
const endPatience = 2 * time.Second

// end waits for a process that ends by itself, and helps it along; or ends it at once. It answers how it ended.
func (w *workshop) end(byItself bool) *os.ProcessState {
	process := w.process
	w.process = nil
	_ = w.in.Close()
	if !byItself {
		_ = process.Process.Kill()
	}
	late := time.AfterFunc(endPatience, func() { _ = process.Process.Kill() })
	defer late.Stop()
	_ = process.Wait() // the state says more
	return process.ProcessState
}

// kill ends the process, if there is one.
func (w *workshop) kill() {
	if w.process != nil {
		w.end(false)
	}
}
