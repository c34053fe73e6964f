package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxPasswordLine bounds what is read from a pipe, in bytes. Whether a password is good is package authn's to say.
const maxPasswordLine = 64 << 10

// readPassword asks for a new password, twice and without showing it, if a person is at the terminal; else it reads the first
// line of the input. It is never an argument, which every user of the machine could read.
func (p *program) readPassword(ctx context.Context) (string, error) {
	if isTerminal(p.stdin) {
		return p.askPassword(ctx)
	}
	line, err := p.readLine(ctx, maxPasswordLine)
	if err != nil {
		return "", fmt.Errorf("the password: %w", err)
	}
	if line == "" {
		return "", usagef("the input holds no password")
	}
	return line, nil
}

func (p *program) askPassword(ctx context.Context) (string, error) {
	first, err := p.hidden(ctx, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := p.hidden(ctx, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

// hidden reads a line of the terminal, which the input is, without showing it.
func (p *program) hidden(ctx context.Context, prompt string) (string, error) {
	terminal := int(p.stdin.(*os.File).Fd())
	echoing, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	fmt.Fprint(p.stderr, prompt)
	defer fmt.Fprintln(p.stderr) // the Enter was not shown either
	typed, err := await(ctx, func() ([]byte, error) { return term.ReadPassword(terminal) })
	if ctx.Err() != nil { // nobody else gives the terminal its echo back
		err = errors.Join(err, term.Restore(terminal, echoing))
	}
	return string(typed), err
}

// readLine reads the input up to the end of a line, without it. A line that is longer than max bytes is an error.
func (p *program) readLine(ctx context.Context, max int64) (string, error) {
	line, err := await(ctx, func() (string, error) {
		return bufio.NewReader(io.LimitReader(p.stdin, max+1)).ReadString('\n')
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if int64(len(line)) > max {
		return "", fmt.Errorf("longer than %d bytes", max)
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// await is read's answer, or ctx's end. Nothing ends a read of a terminal, so that one is left behind for the end of
// the program, which follows.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := read()
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
