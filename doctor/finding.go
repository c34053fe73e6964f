package doctor

import "fmt"

// Grade is how good a finding is.
type Grade int

// The grades, from good to bad.
const (
	OK    Grade = iota
	Note        // works, but somebody will miss something
	Wrong       // something does not work
)

func (g Grade) String() string { return [...]string{"ok", "note", "WRONG"}[g] }

// Finding is something that was looked at.
type Finding struct {
	Grade Grade
	Topic string // what it is about: a few words that stay the same
	Says  string // what was seen
	Fixes []Fix
}

// Fix is a change that helps: one of several, by what stands in front.
type Fix struct{ Where, Change string }

func good(topic, format string, args ...any) Finding {
	return Finding{OK, topic, fmt.Sprintf(format, args...), nil}
}

func note(topic, format string, args ...any) Finding {
	return Finding{Note, topic, fmt.Sprintf(format, args...), nil}
}

func wrong(topic string, fixes []Fix, format string, args ...any) Finding {
	return Finding{Wrong, topic, fmt.Sprintf(format, args...), fixes}
}
