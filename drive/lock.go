package drive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Lock is a WebDAV lock (RFC 4918, section 6). It is on a node, and ends with the node's removal or move.
type Lock struct {
	Token   string // "opaquelocktoken:" and a UUID
	Path    Path   // the lock root, as the client spelled it
	Deep    bool   // Depth: infinity
	Shared  bool
	Owner   string // the owner element's inner XML, as sent
	UserID  string
	Timeout time.Duration // as granted
	Expires time.Time

	node string
}

// The bounds of locks.
const (
	MaxLockTimeout = 24 * time.Hour // the longest that a lock lives without a refresh
	MaxLocks       = 256            // of one drive; each change of it reads them
	MaxLockOwner   = 4 << 10        // bytes of an owner element
)

// scope is what a request is about to change, as far as locks are concerned.
type scope struct {
	direct []string // ids of nodes on which any lock counts
	deep   []string // ids of nodes on which a deep lock counts
	below  Path     // a folder in which every lock counts; empty for none
}

// contentOf is a change of what stands at a place: its content or properties.
func contentOf(at *place) scope {
	return scope{direct: []string{at.last().id}, deep: ids(at.chain[:len(at.chain)-1])}
}

// membersOf is a change of which children the last folder of a chain has.
func membersOf(chain []link) scope {
	return scope{direct: []string{chain[len(chain)-1].id}, deep: ids(chain[:len(chain)-1])}
}

// treeOf is the removal of what stands at a place, with all below it.
func treeOf(at *place) scope {
	n := len(at.chain)
	return scope{direct: ids(at.chain[n-2:]), deep: ids(at.chain[:n-2]), below: at.path}
}

func ids(chain []link) []string {
	out := make([]string, len(chain))
	for i, l := range chain {
		out[i] = l.id
	}
	return out
}

// chainTo is the part of the way to a place that ends with a node on it.
func (p *place) chainTo(l link) []link {
	i := slices.IndexFunc(p.chain, func(x link) bool { return x.id == l.id })
	return p.chain[:i+1]
}

func (s scope) holds(l Lock) bool {
	return slices.Contains(s.direct, l.node) || (l.Deep && slices.Contains(s.deep, l.node)) || (s.below != "" && l.Path.Within(s.below))
}

// unlocked refuses what a lock covers whose token was not sent: fault.Locked, Path being the lock's root.
// Of shared locks on one node, one token is enough.
func (e *edit) unlocked(ctx context.Context, tokens []string, s scope) error {
	if err := e.loadLocks(ctx); err != nil {
		return err
	}
	for _, l := range e.locks {
		if !s.holds(l) || slices.Contains(tokens, l.Token) {
			continue
		}
		if l.Shared && slices.ContainsFunc(e.locks, func(o Lock) bool { return o.Shared && o.node == l.node && slices.Contains(tokens, o.Token) }) {
			continue
		}
		return fault.New(fault.Locked, "drive.unlocked", "It is locked, and the request did not send the lock's token.").WithPath(string(l.Path))
	}
	return nil
}

func (e *edit) loadLocks(ctx context.Context) (err error) {
	if e.loaded {
		return nil
	}
	e.locks, err = readLocks(ctx, e, e.drive, e.now)
	e.loaded = err == nil
	return err
}

func readLocks(ctx context.Context, q sqldb.Querier, driveID string, now time.Time) ([]Lock, error) {
	return sqldb.All(ctx, q, `SELECT token, node_id, user_id, path, deep, shared, owner, timeout, expires_at FROM locks
		WHERE drive_id = $1 AND expires_at > $2 ORDER BY token`, []any{driveID, sqldb.Micros(now)}, func(scan sqldb.Scan) (l Lock, err error) {
		var timeout, expires int64
		err = scan(&l.Token, &l.node, &l.UserID, (*string)(&l.Path), &l.Deep, &l.Shared, &l.Owner, &timeout, &expires)
		l.Timeout, l.Expires = time.Duration(timeout)*time.Microsecond, sqldb.Time(expires)
		return l, err
	})
}

// unlockTree ends the locks on a node and below it: they don't survive its move or removal (RFC 4918, section 7.6).
func (e *edit) unlockTree(ctx context.Context, top Path) error {
	if err := e.loadLocks(ctx); err != nil {
		return err
	}
	var rest []Lock
	for _, l := range e.locks {
		if !l.Path.Within(top) {
			rest = append(rest, l)
			continue
		}
		if _, err := e.Exec(ctx, `DELETE FROM locks WHERE token = $1`, l.Token); err != nil {
			return err
		}
	}
	e.locks = rest
	return nil
}

// LockNode locks what stands at l.Path and answers the lock with its token. Where nothing stands, an empty
// file is made first (created). ParentMissing, Precondition; Locked if another lock is in the way; TooLarge
// if the drive holds too many.
func (s *Drives) LockNode(ctx context.Context, driveID string, l Lock, g Guard) (lock Lock, created bool, err error) {
	if len(l.Owner) > MaxLockOwner {
		return Lock{}, false, fault.New(fault.TooLarge, "drive.LockNode", fmt.Sprintf("A lock's owner is at most %d bytes long.", MaxLockOwner)).WithCode("lock_owner_too_large")
	}
	err = s.edit(ctx, "drive.LockNode", driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, l.Path)
		if err != nil {
			return err
		}
		if created = at.node == nil; created {
			if err := e.makeEmpty(ctx, at, g); err != nil {
				return err
			}
		} else if err := e.check(ctx, g, at.node); err != nil {
			return err
		}
		lock, err = e.lock(ctx, at, l)
		return err
	})
	return lock, created, err
}

// makeEmpty makes the file that a lock on an unmapped URL stands on (RFC 4918, section 7.3).
func (e *edit) makeEmpty(ctx context.Context, at *place, g Guard) error {
	node, _, err := e.write(ctx, at, content{sha256: emptySHA256(), small: []byte{}}, writing{conflict: Fail, guard: g})
	if err != nil {
		return err
	}
	at.node = &node
	at.chain = append(at.chain, link{node.ID, false, node.Path})
	at.missing = nil
	return nil
}

func (e *edit) lock(ctx context.Context, at *place, l Lock) (Lock, error) {
	if err := e.loadLocks(ctx); err != nil {
		return Lock{}, err
	}
	s := contentOf(at)
	if l.Deep {
		s.below = at.path
	}
	for _, other := range e.locks {
		if s.holds(other) && !(l.Shared && other.Shared) {
			return Lock{}, fault.New(fault.Locked, "drive.lock", "Another lock is in the way.").WithCode("no_conflicting_lock").WithPath(string(other.Path))
		}
	}
	if len(e.locks) >= MaxLocks {
		return Lock{}, fault.New(fault.TooLarge, "drive.lock", fmt.Sprintf("A drive holds at most %d locks.", MaxLocks)).WithCode("too_many_locks")
	}
	l.Token, l.node = "opaquelocktoken:"+uuid.NewString(), at.node.ID
	l.Timeout = granted(l.Timeout)
	l.Expires = e.now.Add(l.Timeout)
	_, err := e.Exec(ctx, `INSERT INTO locks (token, drive_id, node_id, user_id, path, deep, shared, owner, timeout, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, l.Token, e.drive, l.node, l.UserID, string(l.Path), l.Deep, l.Shared, l.Owner,
		l.Timeout.Microseconds(), sqldb.Micros(l.Expires))
	return l, err
}

// granted is how long a lock lives that asked for a time; no time asked is MaxLockTimeout.
func granted(asked time.Duration) time.Duration {
	if asked <= 0 || asked > MaxLockTimeout {
		return MaxLockTimeout
	}
	return asked
}

// RefreshLock prolongs a lock that covers path. Precondition with code "lock_token_mismatch" if token names none of the user's that does.
func (s *Drives) RefreshLock(ctx context.Context, driveID, userID string, path Path, token string, timeout time.Duration) (lock Lock, err error) {
	err = s.edit(ctx, "drive.RefreshLock", driveID, func(e *edit) error {
		lock, err = e.covering(ctx, userID, path, token)
		if err != nil {
			return err
		}
		lock.Timeout = granted(timeout)
		lock.Expires = e.now.Add(lock.Timeout)
		_, err = e.Exec(ctx, `UPDATE locks SET timeout = $2, expires_at = $3 WHERE token = $1`, token, lock.Timeout.Microseconds(), sqldb.Micros(lock.Expires))
		return err
	})
	return lock, err
}

// Unlock ends a lock that covers path. Exists (a conflict: RFC 4918, section 9.11.1) with code
// "lock_token_mismatch" if token names none of the user's that does.
func (s *Drives) Unlock(ctx context.Context, driveID, userID string, path Path, token string) error {
	return s.edit(ctx, "drive.Unlock", driveID, func(e *edit) error {
		if _, err := e.covering(ctx, userID, path, token); fault.Is(err, fault.Precondition) {
			return fault.New(fault.Exists, "drive.Unlock", "No lock with this token covers it.").WithCode("lock_token_mismatch")
		} else if err != nil {
			return err
		}
		_, err := e.Exec(ctx, `DELETE FROM locks WHERE token = $1`, token)
		return err
	})
}

func (e *edit) covering(ctx context.Context, userID string, path Path, token string) (Lock, error) {
	if err := e.loadLocks(ctx); err != nil {
		return Lock{}, err
	}
	for _, l := range e.locks {
		if l.Token != token || l.UserID != userID || !covers(l, path) {
			continue
		}
		if _, err := locate(ctx, e, e.drive, l.node); !fault.Is(err, fault.NotFound) { // else it is beyond what the caller is kept to
			return l, err
		}
	}
	return Lock{}, fault.New(fault.Precondition, "drive.covering", "No lock with this token covers it.").WithCode("lock_token_mismatch").WithPath(string(path))
}

func covers(l Lock, path Path) bool {
	return path.Within(l.Path) && (l.Deep || l.Path.Within(path))
}

// Locks answers the live locks of a drive by the id of the node that they are on, with one query for
// all: a listing shows lockdiscovery from it. Locks around the folder that the caller is kept to are not told.
func (s *Drives) Locks(ctx context.Context, driveID string) (map[string][]Lock, error) {
	all, err := s.locksInside(ctx, driveID)
	byNode := make(map[string][]Lock, len(all))
	for _, l := range all {
		byNode[l.node] = append(byNode[l.node], l)
	}
	return byNode, fault.Wrap(err, "drive.Locks")
}

// locksInside are the live locks of a drive in the folder that the caller is kept to.
func (s *Drives) locksInside(ctx context.Context, driveID string) ([]Lock, error) {
	all, err := readLocks(ctx, s.db, driveID, s.o.Now())
	if l := limitOf(ctx); l != nil {
		all = slices.DeleteFunc(all, func(lock Lock) bool { return driveID != l.driveID || !lock.Path.Within(l.top) })
	}
	return all, err
}

// LocksHeld counts the live locks of all drives.
func (s *Drives) LocksHeld(ctx context.Context) (n int64, err error) {
	err = s.db.Row(ctx, `SELECT COUNT(*) FROM locks WHERE expires_at > $1`, []any{sqldb.Micros(s.o.Now())}, &n)
	return n, fault.Wrap(err, "drive.LocksHeld")
}

// Covering answers the live locks that cover path: on it, or deep on a folder above it. path may name nothing.
func (s *Drives) Covering(ctx context.Context, driveID string, path Path) ([]Lock, error) {
	all, err := s.locksInside(ctx, driveID)
	all = slices.DeleteFunc(all, func(l Lock) bool { return !covers(l, path) })
	return all, fault.Wrap(err, "drive.Covering")
}
