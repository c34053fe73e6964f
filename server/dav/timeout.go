package dav

import (
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
)

// defaultTimeout is how long a lock lives whose client does not say.
const defaultTimeout = time.Hour

// parseTimeout reads a Timeout header (RFC 4918, section 10.7): the first of the client's wishes that can be
// read, at most drive.MaxLockTimeout and at least a second. It is a wish, so nothing in it is an error.
func parseTimeout(header string) time.Duration {
	for wish := range strings.SplitSeq(header, ",") {
		wish = strings.TrimSpace(wish)
		if strings.EqualFold(wish, "Infinite") {
			return drive.MaxLockTimeout
		}
		if len(wish) < len("Second-0") || !strings.EqualFold(wish[:len("Second-")], "Second-") {
			continue
		}
		digits := wish[len("Second-"):]
		if strings.Trim(digits, "0123456789") != "" {
			continue
		}
		seconds, err := strconv.ParseInt(digits, 10, 64)
		if most := int64(drive.MaxLockTimeout / time.Second); err != nil || seconds > most {
			seconds = most // more digits than an integer holds is long, too
		}
		return time.Duration(max(1, seconds)) * time.Second
	}
	return defaultTimeout
}
