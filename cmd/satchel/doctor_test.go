package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/doctor"
	"github.com/satchelhq/satchel/turn"
)

// Whoever answers at the address may be a stranger, whose words do not steer the operator's terminal.
func TestDoctorShowsWhatAStrangerAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 \x1b[2Jfine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	}()
	got := satchel(t, "", []string{"SATCHEL_DATA=" + t.TempDir()}, "doctor", "--at", "http://"+l.Addr().String())
	if got.code != 1 || !strings.Contains(got.stdout, `answers 200 \x1b[2Jfine`) || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("exit code %d: %q", got.code, got.stdout)
	}
}

// A backup that is missing or late is told, where there are to be some.
func TestDoctorTellsOfBackups(t *testing.T) {
	day, well := 24*time.Hour, time.Date(2026, 1, 31, 2, 30, 0, 0, time.UTC)
	gc := turn.Job{Name: "gc", Age: 90 * day}
	for name, test := range map[string]struct {
		jobs  []turn.Job
		every time.Duration
		grade doctor.Grade
		says  string
	}{
		"none":         {[]turn.Job{gc}, day, doctor.Note, "none was ever made"},
		"none, never":  {[]turn.Job{gc}, -1, doctor.OK, "backup_every = never"},
		"fresh":        {[]turn.Job{{Name: "backup", Well: well, Age: 2 * day}, gc}, day, doctor.OK, "of 2026-01-31T02:30:00Z"},
		"late":         {[]turn.Job{{Name: "backup", Well: well, Age: 2*day + 1}, gc}, day, doctor.Wrong, "of 2026-01-31T02:30:00Z, and backup_every is 24h"},
		"late, never":  {[]turn.Job{{Name: "backup", Well: well, Age: 9 * day}}, -1, doctor.OK, "backup_every = never"},
		"always fails": {[]turn.Job{{Name: "backup", Failures: 3, Age: 3 * day}}, day, doctor.Wrong, "none has gone well"},
		"failed once":  {[]turn.Job{{Name: "backup", Failures: 1, Well: well, Age: day}}, day, doctor.Note, "1 have failed"},
	} {
		if got := backupFinding(test.jobs, test.every); got.Grade != test.grade || !strings.Contains(got.Says, test.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
