package dav

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// lock takes a lock (RFC 4918, section 9.10), or prolongs one if there is no body. Where nothing is, an empty
// file is made: 201.
func (q *request) lock() error {
	ctx := q.r.Context()
	body, err := readBody(q.r)
	if err != nil {
		return err
	}
	timeout := parseTimeout(q.r.Header.Get("Timeout"))
	if body == nil {
		return q.refresh(timeout)
	}
	info, err := parseLockInfo(body)
	if err != nil {
		return err
	}
	d, err := wantDepth(q.r.Header, depthInfinity, depthZero)
	if err != nil {
		return err
	}
	if q.at.slash { // it means a folder, which a lock does not make
		if _, err := q.h.o.Drives.Stat(ctx, q.driveID, q.at.path); fault.Is(err, fault.NotFound) {
			return fault.New(fault.ParentMissing, "dav.lock", "There is no such folder.").WithCode("not_a_folder")
		} else if err != nil {
			return err
		}
	}
	guard, err := q.guard(ctx)
	if err != nil {
		return err
	}
	lock, created, err := q.h.o.Drives.LockNode(ctx, q.driveID, drive.Lock{
		Path: q.at.path, Deep: d == depthInfinity, Shared: info.shared, Owner: info.owner, UserID: q.who.UserID, Timeout: timeout,
	}, guard)
	if err != nil {
		return err
	}
	q.w.Header()["Lock-Token"] = []string{"<" + lock.Token + ">"}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	q.writeLock(status, lock)
	return nil
}

// refresh prolongs the lock whose token the If header holds (section 9.10.2).
func (q *request) refresh(timeout time.Duration) error {
	ctx := q.r.Context()
	guard, err := q.require(ctx)
	if err != nil {
		return err
	}
	tokens := guard.Tokens
	if token := lockToken(q.r.Header); token != "" {
		tokens = append(tokens, token)
	}
	if len(tokens) == 0 {
		return fault.New(fault.Invalid, "dav.refresh", "To prolong a lock, send its token in an If header.").WithCode("missing_lock_token")
	}
	for _, token := range tokens {
		lock, e := q.h.o.Drives.RefreshLock(ctx, q.driveID, q.who.UserID, q.at.path, token, timeout)
		if e == nil {
			q.writeLock(http.StatusOK, lock)
			return nil
		}
		err = e
		if !fault.Is(e, fault.Precondition) {
			break
		}
	}
	return err
}

// unlock ends a lock: 204.
func (q *request) unlock() error {
	token := lockToken(q.r.Header)
	if token == "" {
		return fault.New(fault.Invalid, "dav.unlock", "The Lock-Token header is missing.").WithCode("missing_lock_token")
	}
	if err := q.h.o.Drives.Unlock(q.r.Context(), q.driveID, q.who.UserID, q.at.path, token); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// lockToken is the Lock-Token header (section 10.5), with the angle brackets that it should have or without.
func lockToken(header http.Header) string {
	token := strings.TrimSpace(header.Get("Lock-Token"))
	return strings.TrimSuffix(strings.TrimPrefix(token, "<"), ">")
}

func (q *request) writeLock(status int, lock drive.Lock) {
	b := append([]byte(xml.Header), `<D:prop xmlns:D="DAV:"><D:lockdiscovery>`...)
	b = appendActiveLock(b, lock, q.h.hrefOf(lock.Path), lock.Timeout)
	b = append(b, "</D:lockdiscovery></D:prop>\n"...)
	header := q.w.Header()
	header.Set("Content-Type", "application/xml; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(b)))
	q.w.WriteHeader(status)
	_, _ = q.w.Write(b) // a client that left does not read it
}

// appendActiveLock writes a lock as lockdiscovery shows it (section 14.1); left is rounded up to seconds.
func appendActiveLock(b []byte, lock drive.Lock, root string, left time.Duration) []byte {
	scope, depth := "exclusive", "0"
	if lock.Shared {
		scope = "shared"
	}
	if lock.Deep {
		depth = "infinity"
	}
	b = append(b, "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:"+scope+"/></D:lockscope><D:depth>"+depth+"</D:depth>"...)
	if lock.Owner != "" {
		b = append(b, "<D:owner>"+lock.Owner+"</D:owner>"...) // inner XML that stands alone
	}
	b = append(b, "<D:timeout>Second-"...)
	b = strconv.AppendInt(b, max(0, int64((left+time.Second-1)/time.Second)), 10)
	b = append(b, "</D:timeout><D:locktoken><D:href>"...)
	b = appendText(b, lock.Token)
	b = append(b, "</D:href></D:locktoken><D:lockroot><D:href>"...)
	b = append(b, root...) // percent-encoded, so it needs no escaping
	return append(b, "</D:href></D:lockroot></D:activelock>"...)
}
