package drive

import (
	"sync"

	"github.com/satchelhq/satchel/blob"
)

// maxSmallContent bounds what smallContent holds, in bytes.
const maxSmallContent = 16 << 20

// smallContent remembers content that lives in rows and was asked for. It never goes stale: a blob's content does not change, and
// only who found a node that names the blob asks for it.
type smallContent struct {
	mu    sync.Mutex
	bytes int
	byKey map[blob.Key][]byte
}

func newSmallContent() *smallContent { return &smallContent{byKey: map[blob.Key][]byte{}} }

func (c *smallContent) find(key blob.Key) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.byKey[key]
	return b, ok
}

func (c *smallContent) keep(key blob.Key, content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.byKey[key]; there {
		return
	}
	c.byKey[key] = content
	c.bytes += len(content)
	for other, b := range c.byKey { // any will do: it costs one query to come back
		if c.bytes <= maxSmallContent {
			break
		}
		delete(c.byKey, other)
		c.bytes -= len(b)
	}
}
