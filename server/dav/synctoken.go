package dav

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/drive"
)

// syncTokens begins every sync token. They are URIs, so that they can stand in an If header (RFC 6578, section 5); nothing is there
// to be fetched.
const syncTokens = "https://github.com/satchelhq/satchel/ns/sync/"

// appendSyncToken spells a point as FOLDER/SEQUENCE/TIME, and where the telling is under way as that with /BELOW/AFTER.
func appendSyncToken(b []byte, p drive.Point) []byte {
	b = append(append(b, syncTokens...), p.Folder...)
	b = strconv.AppendInt(append(b, '/'), p.Sequence, 10)
	b = strconv.AppendInt(append(b, '/'), p.At, 36)
	if p.Below != "" {
		b = append(append(append(b, '/'), p.Below...), '/')
		b = base64.RawURLEncoding.AppendEncode(b, []byte(p.After))
	}
	return b
}

// parseSyncToken reads what appendSyncToken has written. Whether it means something package drive knows.
func parseSyncToken(token string) (p drive.Point, ok bool) {
	rest, ok := strings.CutPrefix(token, syncTokens)
	if !ok {
		return p, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 3 && len(parts) != 5 {
		return p, false
	}
	p.Folder = parts[0]
	var err error
	if p.Sequence, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return p, false
	}
	if p.At, err = strconv.ParseInt(parts[2], 36, 64); err != nil {
		return p, false
	}
	if len(parts) == 5 {
		after, err := base64.RawURLEncoding.DecodeString(parts[4])
		if err != nil || parts[3] == "" {
			return p, false
		}
		p.Below, p.After = parts[3], string(after)
	}
	return p, string(appendSyncToken(nil, p)) == token
}
