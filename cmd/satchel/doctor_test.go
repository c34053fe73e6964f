package main

import (
	"io"
	"net"
	"strings"
	"testing"
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
