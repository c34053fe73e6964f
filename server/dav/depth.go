package dav

import (
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// depth is a Depth header (RFC 4918, section 10.2).
type depth uint8

const (
	depthZero depth = iota
	depthOne
	depthInfinity
)

func (d depth) String() string { return [...]string{"0", "1", "infinity"}[d] }

// parseDepth reads the header; absent is what the method says that it is.
func parseDepth(header http.Header, absent depth) (depth, error) {
	switch value := strings.TrimSpace(header.Get("Depth")); {
	case value == "":
		return absent, nil
	case value == "0":
		return depthZero, nil
	case value == "1":
		return depthOne, nil
	case strings.EqualFold(value, "infinity"):
		return depthInfinity, nil
	}
	return 0, fault.New(fault.Invalid, "dav.parseDepth", "Depth must be 0, 1 or infinity.").WithCode("invalid_depth")
}

// wantDepth reads the header for a method that takes only some depths, the first of which is meant when it is absent.
func wantDepth(header http.Header, allowed ...depth) (depth, error) {
	d, err := parseDepth(header, allowed[0])
	if err != nil {
		return 0, err
	}
	for _, a := range allowed {
		if d == a {
			return d, nil
		}
	}
	return 0, fault.New(fault.Invalid, "dav.wantDepth", "This method does not take Depth: "+d.String()+".").WithCode("invalid_depth")
}
