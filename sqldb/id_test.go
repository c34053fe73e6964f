package sqldb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

func TestNewIDKeepsOrder(t *testing.T) {
	last := ""
	for range 10_000 {
		id := sqldb.NewID()
		if !sqldb.ValidID(id) {
			t.Fatalf("NewID made %q, which ValidID refuses", id)
		}
		if id <= last {
			t.Fatalf("%q was made after %q and sorts before it", id, last)
		}
		last = id
	}
}

func TestIDTime(t *testing.T) {
	before := time.Now().Add(-time.Millisecond)
	at := sqldb.IDTime(sqldb.NewID())
	if after := time.Now(); at.Before(before) || at.After(after.Add(time.Second)) {
		t.Errorf("an id of now is from %s", at)
	}
	now := time.Now()
	if first := sqldb.FirstID(now); first > sqldb.NewID() || !sqldb.IDTime(first).Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("%s is the first id of %s", first, now)
	}
	if at := sqldb.IDTime("no id"); !at.IsZero() {
		t.Errorf("no id is from %s", at)
	}
}

func TestValidID(t *testing.T) {
	for _, test := range []struct {
		id   string
		want bool
	}{
		{strings.Repeat("0", 26), true},
		{strings.Repeat("v", 26), true},
		{"", false},
		{strings.Repeat("0", 25), false},
		{strings.Repeat("0", 27), false},
		{strings.Repeat("0", 25) + "w", false},
		{strings.Repeat("0", 25) + "V", false},
		{strings.Repeat("0", 25) + "/", false},
		{strings.Repeat("0", 25) + "\x00", false},
		{strings.Repeat("é", 13), false},
	} {
		if got := sqldb.ValidID(test.id); got != test.want {
			t.Errorf("ValidID(%q) = %v; want %v", test.id, got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	local := time.Date(2026, 3, 29, 1, 30, 0, 123_456_789, time.FixedZone("", 2*3600))
	if got := sqldb.Time(sqldb.Micros(local)); !got.Equal(local.Truncate(time.Microsecond)) || got.Location() != time.UTC {
		t.Errorf("%v comes back as %v; want the same microsecond in UTC", local, got)
	}
	if got := sqldb.Micros(time.Time{}); got != 0 {
		t.Errorf("the zero time is stored as %d; want 0", got)
	}
	if got := sqldb.Time(0); !got.IsZero() {
		t.Errorf("0 is read as %v; want the zero time", got)
	}
}
