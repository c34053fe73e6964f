package dav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"slices"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// problem is an error that WebDAV spells in its own way. All others are answer.DAV's.
type problem struct {
	status    int
	condition string   // a precondition of RFC 4918, section 16: "no-conflicting-lock"; may be empty
	hrefs     []string // of the resources that the condition is about
	headers   [][2]string
	members   []member // if set, the answer is 207 about these
	err       error
}

// member is one resource of a 207 about an error.
type member struct {
	href      string
	status    int
	condition string
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

func notAllowed(allow, public string) error {
	return &problem{status: http.StatusMethodNotAllowed, headers: [][2]string{{"Allow", allow}},
		err: fault.New(fault.Invalid, "dav", public).WithCode("method_not_allowed")}
}

// maxBlockers bounds how many locks an answer names.
const maxBlockers = 100

// spell gives an error the status and the precondition that RFC 4918 has for it with this method, where
// that is not the one of its kind.
func (q *request) spell(err error) error {
	var known *problem
	if err == nil || errors.As(err, &known) {
		return err
	}
	code, _, _ := fault.Public(err)
	switch kind := fault.KindOf(err); {
	case kind == fault.ChecksumMismatch: // as ownCloud says it; 460 is tus' own
		return &problem{status: http.StatusBadRequest, err: err}
	case kind == fault.Exists && (q.r.Method == "MKCOL" || q.r.Method == http.MethodPut):
		return &problem{status: http.StatusMethodNotAllowed, headers: [][2]string{{"Allow", allMethods}}, err: err} // sections 9.3.1, 9.7.2
	case kind == fault.Exists && (q.r.Method == "COPY" || q.r.Method == "MOVE"):
		return &problem{status: http.StatusPreconditionFailed, err: err} // section 10.6
	case code == "invalid_sync_token":
		return invalidSyncToken(err)
	case code == "is_file" && q.r.Method == "REPORT":
		return &problem{status: http.StatusForbidden, condition: "supported-report", err: err} // RFC 3253, section 3.6
	case kind == fault.TooLarge && code == "too_many_nodes" && q.r.Method == "PROPFIND":
		return &problem{status: http.StatusForbidden, condition: "propfind-finite-depth", err: err}
	case code == "lock_token_mismatch":
		status := http.StatusPreconditionFailed
		if q.r.Method == "UNLOCK" {
			status = http.StatusConflict // section 9.11.1
		}
		return &problem{status: status, condition: "lock-token-matches-request-uri", err: err}
	case kind == fault.Locked:
		return q.locked(err)
	}
	return err
}

// locked names the locks that are in the way. Where all of them are inside the folder that the request is
// about, the answer is a 207 with those members, as DELETE, COPY and MOVE are to tell (section 9.6.1).
func (q *request) locked(err error) error {
	condition := "lock-token-submitted"
	if q.r.Method == "LOCK" {
		condition = "no-conflicting-lock"
	}
	p := &problem{status: http.StatusLocked, condition: condition, err: err}
	targets := []drive.Path{q.at.path}
	if q.r.Method == "COPY" {
		targets = nil
	}
	if to, e := q.destination(); e == nil && (q.r.Method == "COPY" || q.r.Method == "MOVE") {
		targets = append(targets, to.path)
	}
	inside := q.r.Method != "LOCK"
	for _, lock := range q.blockers(targets) {
		href := q.h.hrefOf(lock.Path)
		p.hrefs = append(p.hrefs, href)
		p.members = append(p.members, member{href, http.StatusLocked, condition})
		if slices.ContainsFunc(targets, func(t drive.Path) bool {
			return !lock.Path.Within(t) && t.Parent().Within(lock.Path) || samePath(t, lock.Path)
		}) {
			inside = false
		}
	}
	if len(p.hrefs) == 0 { // it was let go of in the meantime
		p.hrefs = []string{q.at.href}
	}
	if !inside {
		p.members = nil
	}
	return p
}

// blockers are the locks on targets, below them and around them whose tokens were not sent.
func (q *request) blockers(targets []drive.Path) []drive.Lock {
	byNode, err := q.h.o.Drives.Locks(q.r.Context(), q.driveID)
	if err != nil {
		q.h.o.Log.WarnContext(q.r.Context(), "the locks in the way are not named", "err", err)
		return nil
	}
	conditions, _ := parseIf(q.r.Header)
	tokens := conditions.tokens()
	whole := q.r.Method != http.MethodPut && q.r.Method != "PROPPATCH" && q.r.Method != "MKCOL"
	var all []drive.Lock
	for _, locks := range byNode {
		for _, lock := range locks {
			covers := func(t drive.Path) bool {
				return samePath(lock.Path, t) || whole && lock.Path.Within(t) || t.Within(lock.Path) && lock.Deep || samePath(lock.Path, t.Parent())
			}
			if !slices.Contains(tokens, lock.Token) && slices.ContainsFunc(targets, covers) {
				all = append(all, lock)
			}
		}
	}
	slices.SortFunc(all, func(a, b drive.Lock) int {
		if a.Path != b.Path {
			return compare(a.Path, b.Path)
		}
		return compare(a.Token, b.Token)
	})
	all = slices.CompactFunc(all, func(a, b drive.Lock) bool { return a.Path == b.Path })
	return all[:min(len(all), maxBlockers)]
}

func compare[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// writeError writes a problem as WebDAV spells it, and leaves every other error to package answer.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	if !errors.As(err, &p) {
		answer.DAV(w, r, err)
		return
	}
	for _, h := range p.headers {
		w.Header().Add(h[0], h[1])
	}
	if len(p.members) > 0 {
		writeMembers(w, p.members)
		return
	}
	b := append([]byte(xml.Header), `<D:error xmlns:D="DAV:" xmlns:S="https://github.com/satchelhq/satchel/ns/error">`...)
	if p.condition != "" {
		b = append(b, "<D:"+p.condition...)
		if len(p.hrefs) == 0 {
			b = append(b, '/')
		}
		b = append(b, '>')
		for _, href := range p.hrefs {
			b = append(b, "<D:href>"+href+"</D:href>"...)
		}
		if len(p.hrefs) > 0 {
			b = append(b, "</D:"+p.condition+">"...)
		}
	}
	code, sentence, _ := fault.Public(p.err)
	for _, e := range [...][2]string{{"code", code}, {"message", sentence}, {"request-id", answer.RequestID(r.Context())}} {
		if e[1] != "" {
			b = append(b, "<S:"+e[0]+">"...)
			b = appendText(b, e[1])
			b = append(b, "</S:"+e[0]+">"...)
		}
	}
	b = append(b, "</D:error>\n"...)
	header := w.Header()
	header.Set("Content-Type", "application/xml; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // a client that left does not read it
	}
}
