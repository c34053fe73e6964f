package dav

import "time"

// appendHTTPDate appends a time in UTC as HTTP spells it (RFC 9110, section 5.6.7). It is what a long listing would spend a good part of
// its time on with time.AppendFormat.
func appendHTTPDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, t.Weekday().String()[:3]...)
	b = append(b, ", "...)
	b = append(appendDigits(b, day, 2), ' ')
	b = append(b, month.String()[:3]...)
	b = append(b, ' ')
	b = append(appendDigits(b, year, 4), ' ')
	return append(appendClock(b, hour, minute, second), " GMT"...)
}

// appendISODate appends a time in UTC as creationdate has it (RFC 3339).
func appendISODate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	b = append(appendDigits(b, day, 2), 'T')
	return append(appendClock(b, hour, minute, second), 'Z')
}

func appendClock(b []byte, hour, minute, second int) []byte {
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	return appendDigits(b, second, 2)
}

// appendDigits appends n with at least width digits; below zero is zero.
func appendDigits(b []byte, n, width int) []byte {
	n = max(n, 0)
	var digits [20]byte
	i := len(digits)
	for ; n > 0 || width > 0; width-- {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[i:]...)
}
