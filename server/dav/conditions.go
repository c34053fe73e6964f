package dav

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// cutETag takes an entity tag (RFC 9110, section 8.8.3) from the front of s, quotes and W/ included.
func cutETag(s string) (etag, rest string, ok bool) {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if len(s) <= start || s[start] != '"' {
		return "", s, false
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:], true
		case c < 0x21, c == 0x7f: // not etagc
			return "", s, false
		}
	}
	return "", s, false
}

// etags is the value of If-Match or If-None-Match.
type etags struct {
	sent bool
	any  bool // "*"
	tags []string
	bare []string // what is not quoted, which the grammar does not have
}

func parseETags(values []string) (e etags) {
	e.sent = len(values) > 0
	for _, rest := range values {
		for {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				break
			}
			tag, after, ok := cutETag(rest)
			if !ok {
				tag, after, _ = strings.Cut(rest, ",")
				tag = strings.TrimSpace(tag)
				if tag == "*" {
					e.any = true
				} else {
					e.bare = append(e.bare, tag)
				}
			} else {
				e.tags = append(e.tags, tag)
			}
			rest = after
		}
	}
	return e
}

// strong reports whether one of the tags is etag by strong comparison, which If-Match asks for.
// A tag that lost its quotes on the way counts.
func (e etags) strong(etag string) bool {
	for _, tag := range e.tags {
		if tag == etag {
			return true
		}
	}
	for _, tag := range e.bare {
		if `"`+tag+`"` == etag {
			return true
		}
	}
	return false
}

// weak reports whether one of the tags is etag by weak comparison, which If-None-Match asks for. What is not
// quoted matches nothing: Joplin sends such a thing with every request, to keep caches away.
func (e etags) weak(etag string) bool {
	for _, tag := range e.tags {
		if strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// preconditions are those of RFC 9110, section 13.1, that stand before a method that writes.
type preconditions struct {
	match, noneMatch etags
	unmodifiedSince  time.Time
}

func parsePreconditions(header http.Header) preconditions {
	p := preconditions{match: parseETags(header.Values("If-Match")), noneMatch: parseETags(header.Values("If-None-Match"))}
	if !p.match.sent { // section 13.2.2: the entity tag wins
		if t, err := http.ParseTime(header.Get("If-Unmodified-Since")); err == nil {
			p.unmodifiedSince = t
		}
	}
	return p
}

// none reports whether there is nothing to look at.
func (p preconditions) none() bool {
	return !p.match.sent && !p.noneMatch.sent && p.unmodifiedSince.IsZero()
}

// check holds the preconditions against what is at the target; nil is nothing.
func (p preconditions) check(current *drive.Node) error {
	failed := func(why string) error { return fault.New(fault.Precondition, "dav.preconditions", why) }
	if p.match.sent {
		if current == nil || !p.match.any && !p.match.strong(current.ETag()) {
			return failed("It is not what If-Match names.")
		}
	}
	if !p.unmodifiedSince.IsZero() && current != nil && current.Modified.Truncate(time.Second).After(p.unmodifiedSince) {
		return failed("It was modified since.")
	}
	if p.noneMatch.sent && current != nil {
		if p.noneMatch.any || p.noneMatch.weak(current.ETag()) {
			return failed("It is what If-None-Match names.")
		}
	}
	return nil
}

// guard makes of the request's headers what package drive looks at inside its transaction: the tokens that
// were submitted, and a check of the preconditions and the If header against the node at the target.
// Locks and the other resources that an If header names are looked up here, before.
func (q *request) guard(ctx context.Context) (drive.Guard, error) {
	conditions, err := parseIf(q.r.Header)
	if err != nil {
		return drive.Guard{}, err
	}
	pre := parsePreconditions(q.r.Header)
	guard := drive.Guard{Tokens: conditions.tokens()}
	if token := lockToken(q.r.Header); token != "" && q.r.Method == http.MethodPut {
		guard.Tokens = append(guard.Tokens, token) // Office saves like this
	}
	if len(conditions) == 0 {
		if !pre.none() {
			guard.Check = pre.check
		}
		return guard, nil
	}
	states, err := q.states(ctx, conditions)
	if err != nil {
		return drive.Guard{}, err
	}
	if err := q.syncStates(ctx, conditions, states, &guard); err != nil {
		return drive.Guard{}, err
	}
	guard.Check = func(current *drive.Node) error {
		etag := ""
		if current != nil {
			etag = current.ETag()
		}
		if !conditions.holds(func(resource string) ifState {
			state := states[resource]
			if state.target {
				state.etag = etag
			}
			return state.ifState
		}) {
			return fault.New(fault.Precondition, "dav.If", "What the If header asks for does not hold.")
		}
		return pre.check(current)
	}
	return guard, nil
}

// require is guard for a method that changes nothing at the request's own path: it holds the conditions against what is there now.
func (q *request) require(ctx context.Context) (drive.Guard, error) {
	guard, err := q.guard(ctx)
	if err != nil || guard.Check == nil {
		return guard, err
	}
	node, err := q.h.o.Drives.Stat(ctx, q.driveID, q.at.path)
	switch {
	case err == nil:
		err = guard.Check(&node)
	case fault.Is(err, fault.NotFound):
		err = guard.Check(nil)
	}
	guard.Check = nil
	return guard, err
}

// taggedState is the state of a resource that an If header names; the entity tag of the request's target
// is filled in when it is known.
type taggedState struct {
	ifState
	target bool
}

// states looks up what an If header's resources are like, by their tags.
func (q *request) states(ctx context.Context, conditions ifHeader) (map[string]taggedState, error) {
	states := map[string]taggedState{}
	for _, resource := range conditions.resources() {
		path, ok := q.at.path, true
		if resource != "" {
			path, ok = q.tagged(resource)
		}
		if !ok {
			states[resource] = taggedState{} // elsewhere: no state that we know (section 10.4.4)
			continue
		}
		locks, err := q.h.o.Drives.Covering(ctx, q.driveID, path)
		if err != nil {
			return nil, err
		}
		state := taggedState{target: samePath(path, q.at.path)}
		for _, lock := range locks {
			state.tokens = append(state.tokens, lock.Token)
		}
		if !state.target {
			node, err := q.h.o.Drives.Stat(ctx, q.driveID, path)
			if err == nil {
				state.etag = node.ETag()
			} else if !fault.Is(err, fault.NotFound) {
				return nil, err
			}
		}
		states[resource] = state
	}
	return states, nil
}

// maxIfSyncTokens bounds the sync tokens of an If header: for each, changes are read.
const maxIfSyncTokens = 4

// syncStates looks up which sync tokens hold: those of folders in which nothing has changed since, at any depth (RFC 6578, section 5).
// The guard sees to it that they still do when the request is carried out.
func (q *request) syncStates(ctx context.Context, conditions ifHeader, states map[string]taggedState, guard *drive.Guard) error {
	looked := 0
	for _, list := range conditions {
		path, ok := q.at.path, true
		if list.resource != "" {
			path, ok = q.tagged(list.resource)
		}
		for _, c := range list.conditions {
			point, is := parseSyncToken(c.token)
			if !ok || !is || point.Below != "" {
				continue
			}
			if looked++; looked > maxIfSyncTokens {
				return fault.New(fault.TooLarge, "dav.syncStates", "The If header holds too many sync tokens.").WithCode("invalid_if")
			}
			unchanged, err := q.h.o.Drives.Unchanged(ctx, q.driveID, path, point)
			if err != nil {
				return err
			}
			if !unchanged {
				continue
			}
			state := states[list.resource]
			state.tokens = append(state.tokens, c.token)
			states[list.resource] = state
			if !c.not {
				guard.Unchanged = append(guard.Unchanged, point)
			}
		}
	}
	return nil
}

// tagged answers the path that a tag names in this drive.
func (q *request) tagged(resource string) (drive.Path, bool) {
	u, err := url.Parse(resource)
	if err != nil || u.Host != "" && !sameHost(u.Host, q.hosts()) {
		return "", false
	}
	at, ok, err := locate(q.drivePrefix(resource), u.EscapedPath())
	if ok && err == nil {
		err = q.inside(&at)
	}
	return at.path, ok && err == nil
}

// samePath reports whether two paths name the same node, however they are normalised.
func samePath(a, b drive.Path) bool { return a.Within(b) && b.Within(a) }
