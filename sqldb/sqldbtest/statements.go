package sqldbtest

import (
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/satchelhq/satchel/sqldb"
)

// statements are the texts that a package's rules run while its tests do.
type statements struct {
	mu    sync.Mutex
	room  string // import path of the package whose statements are meant; nothing is recorded while it is empty
	texts map[sqldb.Engine]map[string]bool
	// ordered are transactions that told Postgres not to sort: a statement in one is planned otherwise.
	ordered map[*sqldb.Tx]bool
}

// ran is of this process.
var ran = sync.OnceValue(func() *statements {
	return &statements{texts: map[sqldb.Engine]map[string]bool{sqldb.SQLite: {}, sqldb.Postgres: {}}, ordered: map[*sqldb.Tx]bool{}}
})

// orderHint is how a transaction asks for plans that need not sort, and inOrder what texts begin with that run in one.
const (
	orderHint = `SELECT set_config('enable_sort', 'off', TRUE)`
	inOrder   = `[in order] `
)

// planned are statements that a database makes a plan for.
var planned = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s`)

// record is sqldb.Options.Ran of a test's database. What tests themselves run is not recorded, nor what other packages do.
func (s *statements) record(engine sqldb.Engine) func(tx *sqldb.Tx, text string) {
	return func(tx *sqldb.Tx, text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case text == "COMMIT", text == "ROLLBACK":
			delete(s.ordered, tx)
		case text == orderHint && tx != nil:
			s.ordered[tx] = true
		}
		if s.room == "" || !planned.MatchString(text) || text == orderHint {
			return
		}
		text = strings.Join(strings.Fields(text), " ")
		if engine == sqldb.Postgres && s.ordered[tx] && strings.HasPrefix(text, "SELECT") {
			text = inOrder + text
		}
		if known := s.texts[engine]; !known[text] && s.isOurs() {
			known[text] = true
		}
	}
}

// isOurs reports whether who runs a statement is the package, and no test of it.
func (s *statements) isOurs() bool {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/sqldb.") {
			return strings.HasPrefix(f.Function, s.room+".") && !strings.HasSuffix(f.File, "_test.go")
		}
		if !more {
			return false
		}
	}
}

func (s *statements) of(engine sqldb.Engine) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.texts[engine]))
}
