package sqldb

import "sync"

// Memo remembers what was read from a database for as long as nobody, in this process or another, has committed to it since: what it
// finds is what a query would answer now. On Postgres, where that cannot be told without a query, it remembers nothing.
// It is safe for use by many goroutines; what it holds is shared and must not be changed.
type Memo[K comparable, V any] struct {
	db      *DB
	max     int
	settled bool

	mu     sync.Mutex
	values map[K]memoValue[V]
}

type memoValue[V any] struct {
	epoch uint64
	value V
}

// Mark is the state of a database at a moment.
type Mark struct {
	epoch uint64
	known bool
}

// NewMemo makes a memo of at most max values. One of settled values is for rows that [DB.UpdateUnsettled] does not change: it outlives
// those updates.
func NewMemo[K comparable, V any](db *DB, max int, settled bool) *Memo[K, V] {
	return &Memo[K, V]{db: db, max: max, settled: settled, values: map[K]memoValue[V]{}}
}

// Find answers what is remembered of key. If it is nothing (ok is false), the caller reads it and gives it to Keep with the mark.
func (m *Memo[K, V]) Find(key K) (value V, mark Mark, ok bool) {
	mark.epoch, mark.known = m.db.index.epoch(m.settled)
	if !mark.known {
		return value, mark, false
	}
	m.mu.Lock()
	v, ok := m.values[key]
	m.mu.Unlock()
	if !ok || v.epoch != mark.epoch {
		return value, mark, false
	}
	return v.value, mark, true
}

// Keep remembers a value that was read after Find answered mark.
func (m *Memo[K, V]) Keep(key K, mark Mark, value V) {
	if !mark.known {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.values[key]; !there && len(m.values) >= m.max {
		for other := range m.values { // any will do: it costs one query to come back
			delete(m.values, other)
			break
		}
	}
	m.values[key] = memoValue[V]{mark.epoch, value}
}
