package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// display is what whoever moves files sees of it.
type display interface {
	begin(name string, size int64) displayed
	listed(how client.How, name string)        // something that is done in a moment
	note(name string, err error, leftOut bool) // something that is not moved
	end(sum summary, took time.Duration)
}

// displayed is one file of it.
type displayed interface {
	observe(client.Moment)
	done(client.Done, error)
	leave() // it is neither done nor has it failed: all ends
}

// display is bars for a person at a terminal, and otherwise a line for each file, in words or as JSON.
func (a *atPrompt) display() display {
	l := &lines{a: a}
	if a.json || a.dry || !isTerminal(a.stdout) || !isTerminal(a.stderr) || os.Getenv("TERM") == "dumb" {
		return l
	}
	return newBars(a)
}

// lines is a display that may go to a file or a pipe.
type lines struct {
	a  *atPrompt
	mu sync.Mutex
}

func (l *lines) begin(name string, _ int64) displayed { return &line{all: l, name: name} }

type line struct {
	all    *lines
	name   string
	waited bool
}

// observe tells that nothing gets on, once for each file.
func (f *line) observe(m client.Moment) {
	if m.Phase != client.Waiting || f.waited || f.all.a.json {
		return
	}
	f.waited = true
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	fmt.Fprintf(f.all.a.stderr, "satchel: %s: %s; trying again for %s\n", terminal(f.name), told(m.Err), f.all.a.patience)
}

func (*line) leave() {}

func (f *line) done(done client.Done, err error) {
	if err != nil {
		f.all.note(f.name, err, false)
		return
	}
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	if f.all.a.json {
		_ = f.all.a.printJSON(map[string]any{"file": f.name, "result": done.How, "size": done.Size, "bytes": done.Bytes, "sha256": done.SHA256})
		return
	}
	fmt.Fprintf(f.all.a.stdout, "%-6s %s\n", shown(done.How), terminal(f.name))
}

func (l *lines) listed(how client.How, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.a.json {
		_ = l.a.printJSON(map[string]any{"file": name, "result": how})
		return
	}
	fmt.Fprintf(l.a.stdout, "%-6s %s\n", shown(how), terminal(name))
}

// shown is what became of a file, in a word.
func shown(how client.How) string {
	switch how {
	case client.Moved:
		return "moved"
	case client.Would:
		return "send"
	case trashed, wouldTrash:
		return "trash"
	}
	return string(how)
}

func (l *lines) note(name string, err error, leftOut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.a.json {
		fmt.Fprintf(l.a.stderr, "satchel: %s: %s\n", terminal(name), told(err))
		return
	}
	result, code := "failed", ""
	if leftOut {
		result = "left_out"
	}
	if refused := (*fault.Error)(nil); errors.As(err, &refused) {
		code, _, _ = fault.Public(err)
	}
	_ = l.a.printJSON(map[string]any{"file": name, "result": result, "code": code, "error": told(err)})
}

// told is an error about a file whose name stands before it.
func told(err error) string {
	var path *os.PathError
	if refused := (*fault.Error)(nil); !errors.As(err, &refused) && errors.As(err, &path) {
		return terminal(path.Err.Error())
	}
	return sentence(err)
}

func (l *lines) end(sum summary, _ time.Duration) {
	if l.a.json {
		_ = l.a.printJSON(map[string]any{"summary": sum})
	}
}
