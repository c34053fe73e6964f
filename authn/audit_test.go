package authn

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// write puts lines into the audit log.
func (n *node) write(t *testing.T, entries ...auditEntry) {
	t.Helper()
	for _, e := range entries {
		accepted(t, "audit", n.db.Update(t.Context(), func(tx *sqldb.Tx) error { return n.audit(t.Context(), tx, e) }))
	}
}

func TestReadingTheAuditLog(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		ann, bob := sqldb.NewID(), sqldb.NewID()
		start := n.clock.now()
		for i := range 30 { // a line a minute, three of one moment
			n.write(t, auditEntry{event: AuditQuota, userID: []string{ann, bob}[i%2], detail: fmt.Sprint(i), always: true},
				auditEntry{event: AuditRole, userID: ann, detail: fmt.Sprint(i), always: true},
				auditEntry{event: AuditRole, userID: bob, detail: fmt.Sprint(i), always: true})
			n.clock.advance(time.Minute)
		}
		minute := func(i int) time.Time { return start.Add(time.Duration(i) * time.Minute) }
		for what, c := range map[string]struct {
			filter AuditFilter
			want   int
		}{
			"all":             {AuditFilter{}, 90},
			"of a user":       {AuditFilter{UserID: ann}, 45},
			"of an event":     {AuditFilter{Event: AuditQuota}, 30},
			"both":            {AuditFilter{UserID: bob, Event: AuditQuota}, 15},
			"since":           {AuditFilter{Since: minute(20)}, 30},
			"until":           {AuditFilter{Until: minute(20)}, 60},
			"between":         {AuditFilter{UserID: ann, Since: minute(10), Until: minute(20)}, 15},
			"nobody's":        {AuditFilter{UserID: sqldb.NewID()}, 0},
			"a strange event": {AuditFilter{Event: "x' OR 1=1"}, 0},
		} {
			for _, limit := range []int{0, 1, 7} {
				var all []AuditLine
				f := c.filter
				for f.Limit = limit; ; {
					lines, next, err := n.AuditLog(t.Context(), f)
					accepted(t, what, err)
					if all = append(all, lines...); next == "" {
						break
					}
					f.After = next
				}
				if len(all) != c.want || !slices.IsSortedFunc(all, func(a, b AuditLine) int { return b.At.Compare(a.At) }) {
					t.Errorf("%s, %d at a time: %d lines, want %d, newest first", what, limit, len(all), c.want)
				}
				if ids := slices.Compact(slices.Sorted(slices.Values(idsOf(all)))); len(ids) != len(all) {
					t.Errorf("%s: lines come twice", what)
				}
			}
		}
		for _, cursor := range []string{"x", "1", "1.", "1.x", "." + ann, "99999999999999999999." + ann, "1.'" + ann} {
			_, _, err := n.AuditLog(t.Context(), AuditFilter{After: cursor})
			refused(t, cursor, err, fault.Invalid, "invalid_fields")
		}
	})
}

func idsOf(lines []AuditLine) (ids []string) {
	for _, l := range lines {
		ids = append(ids, l.ID)
	}
	return ids
}

func TestReadingTheAuditLogReadsIndexes(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	for index, f := range map[string]AuditFilter{
		"audit_age":     {Since: time.Unix(1, 0), After: "5." + sqldb.NewID()},
		"audit_user":    {UserID: "x"},
		"audit_event":   {Event: "x", Until: time.Unix(1, 0)},
		"audit_address": {Address: "192.0.2.1"},
	} {
		plan := planOf(t, db, func() (string, []any, error) { return f.query(10) })
		if !strings.Contains(plan, "SEARCH audit USING INDEX "+index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s is not what is read:\n%s", index, plan)
		}
	}
}

// Whoever fails to sign in for ever, as anybody or as nobody, leaves a bounded number of lines an hour, and the last one tells how often.
func TestAttackFillingTheDiskWithFailures(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		ann, bob := sqldb.NewID(), sqldb.NewID()
		const tries = maxStrangerAuditLines + 50
		fail := func() {
			accepted(t, "fail", n.db.Update(t.Context(), func(tx *sqldb.Tx) error {
				for i := range tries {
					for _, user := range []string{ann, ""} {
						if err := n.audit(t.Context(), tx, auditEntry{event: AuditSignInFailed, userID: user, client: Client{Address: fmt.Sprintf("2001:db8::%x", i)}}); err != nil {
							return err
						}
					}
				}
				return nil
			}))
		}
		lines := func(user string) (lines, times int) {
			return count(t, db, `SELECT COUNT(*) FROM audit WHERE event = 'sign_in_failed' AND user_id = $1`, user),
				count(t, db, `SELECT COALESCE(SUM(times), 0) FROM audit WHERE event = 'sign_in_failed' AND user_id = $1`, user)
		}
		check := func(hours int) {
			t.Helper()
			for user, most := range map[string]int{ann: maxAuditLines, "": maxStrangerAuditLines} {
				if l, times := lines(user); l != hours*most || times != hours*tries {
					t.Errorf("%d hours, user %q: %d lines tell of %d failures, want %d of %d", hours, user, l, times, hours*most, hours*tries)
				}
			}
		}
		fail()
		check(1)
		// Another's lines, and other events, are not kept out by that.
		n.write(t, auditEntry{event: AuditSignInFailed, userID: bob}, auditEntry{event: AuditSignIn, userID: ann})
		if l, _ := lines(bob); l != 1 {
			t.Errorf("%d lines of bob's", l)
		}
		n.clock.advance(time.Hour)
		fail()
		check(2)
		got, _, err := n.AuditLog(t.Context(), AuditFilter{UserID: ann, Event: AuditSignInFailed, Limit: 1})
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		n.clock.advance(2 * time.Hour)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if rows := count(t, db, `SELECT COUNT(*) FROM audit_floods`); rows != 0 {
			t.Errorf("%d counts are left", rows)
		}
		check(2)
	})
}

func TestTheAuditLogForgets(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, func(o *Options) { o.AuditExpiry = 24 * time.Hour })
		never := newNode(t, db, func(o *Options) { o.AuditExpiry, o.Now = -1, n.clock.now })
		accepted(t, "old", db.Update(t.Context(), func(tx *sqldb.Tx) error {
			for range 2*auditBatch + 1 {
				if err := n.audit(t.Context(), tx, auditEntry{event: AuditQuota, always: true}); err != nil {
					return err
				}
			}
			return nil
		}))
		n.clock.advance(23 * time.Hour)
		n.write(t, auditEntry{event: AuditRole})
		lines := func() int { return count(t, db, `SELECT COUNT(*) FROM audit`) }
		accepted(t, "sweep", n.Sweep(t.Context()))
		if lines() != 2*auditBatch+2 {
			t.Errorf("%d lines are left", lines())
		}
		n.clock.advance(time.Hour)
		accepted(t, "sweep", never.Sweep(t.Context()))
		if lines() != 2*auditBatch+2 {
			t.Errorf("%d lines are left where nothing is forgotten", lines())
		}
		accepted(t, "sweep", n.Sweep(t.Context()))
		if lines() != 1 {
			t.Errorf("%d lines are left", lines())
		}
	})
}

// One's own activity tells who did what and from where, but for what an administrator did: who and from where is not the user's to know.
func TestOwnActivityHidesAdministrators(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		_, err := f.by(f.ann).Change(t.Context(), f.bob.ID, UserChange{Quota: new(int64(9))})
		accepted(t, "quota", err)
		accepted(t, "export", f.RecordExport(t.Context(), Principal{UserID: f.bob.ID}, Client{Address: "192.0.2.3", UserAgent: "bob's"}))
		accepted(t, "export", f.RecordExport(t.Context(), Principal{UserID: f.zoe.ID}, Client{Address: "192.0.2.4"}))
		lines, next, err := f.OwnActivity(t.Context(), f.bob.ID, AuditFilter{UserID: f.zoe.ID})
		accepted(t, "own activity", err)
		told := map[string]AuditLine{}
		for _, l := range lines {
			if l.UserID != f.bob.ID {
				t.Errorf("another's: %+v", l)
			}
			told[l.Event] = l
		}
		if l := told[AuditQuota]; l.Address != "" || l.UserAgent != "" || l.ActorName != "" || l.Detail != "9 bytes" {
			t.Errorf("%+v", l)
		}
		if l := told[AuditExport]; l.Address != "192.0.2.3" || l.UserAgent != "bob's" || l.ActorName != "bob" {
			t.Errorf("%+v", l)
		}
		if len(lines) != 3 || next != "" {
			t.Errorf("%+v, %q", lines, next)
		}
		for _, address := range []string{"192.0.2.7", "192.0.2.8"} { // ann's, and nobody's: guessing finds nothing out
			if lines, _, err := f.OwnActivity(t.Context(), f.bob.ID, AuditFilter{Address: address}); err != nil || len(lines) != 3 {
				t.Errorf("from %s: %+v, %v", address, lines, err)
			}
		}
	})
}

// What a stranger sends is stored as text, whatever it holds, and cut to its bounds.
func TestAttackInjectingIntoTheAuditLog(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.write(t, auditEntry{event: AuditSignInFailed, client: Client{Address: strings.Repeat("1", 100), UserAgent: "a\x00b\xff\r\n2026 sign_in root\x1b[2J'); DROP TABLE audit; --" + strings.Repeat("é", 500)},
			detail: strings.Repeat("x", 1000)})
		lines, _, err := n.AuditLog(t.Context(), AuditFilter{})
		if err != nil || len(lines) != 1 {
			t.Fatalf("%v, %v", lines, err)
		}
		l := lines[0]
		if !strings.HasPrefix(l.UserAgent, "ab\r\n2026 sign_in root\x1b[2J'); DROP TABLE audit; --é") || len(l.UserAgent) > 256 || len(l.Address) != 64 || len(l.Detail) != 500 {
			t.Errorf("%+v", l)
		}
	})
}

// Whoever filters the log can choose each event that there is.
func TestAuditEventsAreAllOfThem(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(source, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Audit") {
			event, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, event)
		}
		return true
	})
	got := AuditEvents()
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 40 || !slices.Equal(got, want) {
		t.Errorf("events are\n%q, want\n%q", got, want)
	}
}
