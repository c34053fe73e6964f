package pages

import (
	"strconv"
	"time"
)

// formatSize is a size as people read it, in decimal units as file managers show them: "1.4 MB".
func formatSize(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	units := [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}
	value, unit := float64(n)/1000, 0
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + units[unit]
}

// formatTime is what a browser without script shows; the script puts it into local time.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// formatStamp is a time for the script (HTML, section 4.5.14: a global date and time).
func formatStamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
