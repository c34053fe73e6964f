package main

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

const (
	small = 4 << 10
	mib   = 1 << 20
)

// contents makes bodies. Each has content of its own: a server that keeps equal content once gains nothing by it.
type contents struct {
	block []byte // random
	count atomic.Uint64
}

func newContents() *contents {
	c := &contents{block: make([]byte, mib)}
	rand.Read(c.block) // never fails (its documentation)
	return c
}

// next is content that no other call of this run answers, and its number.
func (c *contents) next(size int64) (*content, uint64) {
	n := c.count.Add(1)
	return &content{size: size, stamp: binary.BigEndian.AppendUint64(nil, n), block: c.block}, n
}
