package mem

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// Store is a [blob.Store] in memory. Make one with [New] or [NewLimited].
type Store struct {
	limit int64

	mu      sync.Mutex
	used    int64
	objects map[blob.Key]*object
}

// object is a stage or a blob. Its fields are guarded by Store.mu. What data held once is never
// written over in place, so that a reader needs no lock.
type object struct {
	data     []byte
	modified time.Time
	sealed   bool
}

var _ blob.Store = (*Store)(nil)

// New makes an empty store.
func New() *Store { return NewLimited(math.MaxInt64) }

// NewLimited makes an empty store whose stages and blobs hold at most limit bytes together;
// what goes beyond is [blob.ErrFull].
func NewLimited(limit int64) *Store {
	return &Store{limit: limit, objects: make(map[blob.Key]*object)}
}

// Stage begins empty content. See [blob.Store].
func (s *Store) Stage(_ context.Context, key blob.Key) (blob.Stage, error) {
	if err := checkKey("stage", key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[key] != nil {
		return nil, fail("stage", key, blob.ErrExists)
	}
	o := &object{modified: time.Now()}
	s.objects[key] = o
	return &stage{store: s, key: key, object: o}, nil
}

// Resume opens a stage again at offset. See [blob.Store]. Of a sealed blob that is
// longer than offset it says ErrNotFound, and of one that is shorter ErrShort.
func (s *Store) Resume(_ context.Context, key blob.Key, offset int64) (blob.Stage, error) {
	if err := checkKey("resume", key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("blob/mem: resume %s: negative offset %d", key, offset)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[key]
	switch {
	case o == nil:
		return nil, fail("resume", key, blob.ErrNotFound)
	case int64(len(o.data)) < offset:
		return nil, fail("resume", key, blob.ErrShort)
	case o.sealed && int64(len(o.data)) > offset:
		return nil, fail("resume", key, blob.ErrNotFound)
	}
	s.cut(o, offset)
	return &stage{store: s, key: key, object: o, offset: offset}, nil
}

// Open gives a blob for reading.
func (s *Store) Open(_ context.Context, key blob.Key) (blob.Content, error) {
	if err := checkKey("open", key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[key]
	if o == nil || !o.sealed {
		return nil, fail("open", key, blob.ErrNotFound)
	}
	return newContent(o.data), nil
}

// OpenStage gives the first size bytes of a stage for reading. See [blob.Store].
func (s *Store) OpenStage(_ context.Context, key blob.Key, size int64) (blob.Content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := s.stageData("open stage", key, size)
	if err != nil {
		return nil, err
	}
	return newContent(data), nil
}

// stageData is the first size bytes of a stage. s.mu is held.
func (s *Store) stageData(op string, key blob.Key, size int64) ([]byte, error) {
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, fmt.Errorf("blob/mem: %s %s: negative size %d", op, key, size)
	}
	o := s.objects[key]
	if o == nil || o.sealed {
		return nil, fail(op, key, blob.ErrNotFound)
	}
	if int64(len(o.data)) < size {
		return nil, fail(op, key, blob.ErrShort)
	}
	return o.data[:size], nil
}

// Unseal makes a blob a stage again. See [blob.Store].
func (s *Store) Unseal(_ context.Context, key blob.Key) error {
	if err := checkKey("unseal", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[key]
	if o == nil {
		return fail("unseal", key, blob.ErrNotFound)
	}
	o.sealed = false
	return nil
}

// Remove drops a stage or a blob. Who has it open for reading reads on.
func (s *Store) Remove(_ context.Context, key blob.Key) error {
	if err := checkKey("remove", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[key]; o != nil {
		s.used -= int64(len(o.data))
		delete(s.objects, key)
	}
	return nil
}

// List calls fn for every stage and blob that was there when it began. fn may use the store.
func (s *Store) List(ctx context.Context, fn func(blob.Entry) error) error {
	s.mu.Lock()
	entries := make([]blob.Entry, 0, len(s.objects))
	for key, o := range s.objects {
		entries = append(entries, blob.Entry{Key: key, Size: int64(len(o.data)), Modified: o.modified, Sealed: o.sealed})
	}
	s.mu.Unlock()
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// Ready answers nil, or ErrFull when the limit is reached.
func (s *Store) Ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= s.limit {
		return fmt.Errorf("blob/mem: not ready: %w", blob.ErrFull)
	}
	return nil
}

// cut drops what lies beyond offset. The capacity goes too, so that what is appended next does
// not write into what a reader may have.
func (s *Store) cut(o *object, offset int64) {
	if size := int64(len(o.data)); offset < size {
		s.used -= size - offset
		o.data = o.data[:offset:offset]
		o.modified = time.Now()
	}
}

// content is what Open gives. It answers os.ErrClosed after Close, as a file does.
type content struct {
	r      *bytes.Reader
	closed atomic.Bool
}

func newContent(data []byte) *content { return &content{r: bytes.NewReader(data)} }

func (c *content) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, os.ErrClosed
	}
	return c.r.Read(p)
}

func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if c.closed.Load() {
		return 0, os.ErrClosed
	}
	return c.r.ReadAt(p, off)
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	if c.closed.Load() {
		return 0, os.ErrClosed
	}
	return c.r.Seek(offset, whence)
}

func (c *content) Close() error {
	if c.closed.Swap(true) {
		return os.ErrClosed
	}
	return nil
}

func fail(op string, key blob.Key, err error) error {
	return fmt.Errorf("blob/mem: %s %s: %w", op, key, err)
}

func checkKey(op string, key blob.Key) error {
	if !key.Valid() {
		return fmt.Errorf("blob/mem: %s %q: %w", op, string(key), blob.ErrKey)
	}
	return nil
}
