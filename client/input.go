package client

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// gulp is a block of an input; its last may be shorter.
type gulp struct {
	bytes []byte
	sum   [sha256.Size]byte
	last  bool
	err   error
}

// input is read a block ahead of what is sent.
type input struct {
	gulps   chan gulp
	buffers chan []byte
	whole   hash.Hash
}

// ahead is how many blocks of an input are in memory.
const ahead = 2

func readInput(ctx context.Context, from io.Reader) *input {
	in := &input{gulps: make(chan gulp), buffers: make(chan []byte, ahead), whole: sha256.New()}
	for range ahead {
		in.buffers <- nil // made when it is needed
	}
	go in.read(ctx, bufio.NewReader(from))
	return in
}

// read fills buffers until the input or ctx ends. Whether a block is the last is known when one more byte has come, or none.
func (in *input) read(ctx context.Context, from *bufio.Reader) {
	for g := (gulp{}); !g.last && g.err == nil; {
		var buffer []byte
		select {
		case buffer = <-in.buffers:
		case <-ctx.Done():
			return
		}
		if buffer == nil {
			buffer = make([]byte, block)
		}
		n, err := io.ReadFull(from, buffer)
		if err == nil {
			_, err = from.Peek(1)
		}
		g = gulp{bytes: buffer[:n]}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			g.last = true
		case err != nil:
			g.err = fmt.Errorf("the input cannot be read: %w", err)
		}
		g.sum = sha256.Sum256(g.bytes)
		in.whole.Write(g.bytes)
		select {
		case in.gulps <- g:
		case <-ctx.Done():
			return
		}
	}
}

// next is the next block. After the last there is none to ask for.
func (in *input) next(ctx context.Context) (gulp, error) {
	select {
	case g := <-in.gulps:
		return g, g.err
	case <-ctx.Done():
		return gulp{}, ctx.Err()
	}
}

// give hands back a block that is not needed any more.
func (in *input) give(g gulp) { in.buffers <- g.bytes[:cap(g.bytes)] }

// sum is the SHA-256 of all, in hex, when the last block has come.
func (in *input) sum() string { return hex.EncodeToString(in.whole.Sum(nil)) }
