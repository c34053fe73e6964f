package main

import (
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"

	"github.com/satchelhq/satchel/config"
)

// What a client of HTTP/2 is allowed to have under way: net/http's documentation names other bounds than it keeps, so it is looked at.
func TestTheWindowsOfHTTP2(t *testing.T) {
	s := start(t, t.TempDir(), "SATCHEL_H2C=true")
	conn, err := net.Dial("tcp", s.base[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	framer := http2.NewFramer(conn, conn)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	const initial = 65535 // RFC 9113, section 6.9.2
	stream, connection := uint32(0), initial
	for stream == 0 || connection == initial {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if value, ok := f.Value(http2.SettingInitialWindowSize); ok {
				stream = value
			}
		case *http2.WindowUpdateFrame:
			connection += int(f.Increment)
		}
	}
	if stream != streamWindow || connection != connectionWindow {
		t.Errorf("%d bytes of a stream, %d of a connection; want %d, %d", stream, connection, streamWindow, connectionWindow)
	}
}

// Settings that only make sense together; the others are told apart in package config.
func TestNoIdentityWithoutFiles(t *testing.T) {
	c := config.Default()
	if who, err := openIdentity(&c, nil, nil); who != nil || err != nil {
		t.Errorf("%v, %v", who, err)
	}
	c.TLSCert, c.TLSKey = "/nonexistent/tls.crt", "/nonexistent/tls.key"
	if who, err := openIdentity(&c, nil, nil); who != nil || err == nil {
		t.Errorf("%v, %v", who, err)
	}
}
