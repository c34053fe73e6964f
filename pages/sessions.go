package pages

import "time"

// Sessions is the page with where the account is signed in.
type Sessions struct {
	AccountFrame
	Items []Session
}

// Session is one place where the account is signed in.
type Session struct {
	ID, Address   string // Address may be empty
	Device        Device
	App           bool // an app's, not a browser's
	Created, Seen time.Time
	Current       bool // this browser
}

// Device is what somebody is signed in with, as far as it is known.
type Device struct{ Program, System string }

// Known reports whether anything is.
func (d Device) Known() bool { return d != Device{} }

// Others reports whether the account is signed in anywhere else.
func (v Sessions) Others() bool {
	for _, s := range v.Items {
		if !s.Current {
			return true
		}
	}
	return false
}

// Sessions renders the page with where the account is signed in.
func (e *Edition) Sessions(v Sessions) ([]byte, error) { return e.render("sessions", v) }

// Password is the page to change the password on.
type Password struct {
	AccountFrame
	Proof       Proof
	Username    string // for whatever keeps passwords
	MinPassword int    // characters that a password has at least
}

// Password renders the page to change the password on.
func (e *Edition) Password(v Password) ([]byte, error) { return e.render("password", v) }

// Continue is the page that asks, before a link from another site signs this browser in.
type Continue struct {
	Frame
	Name   string // of the account that the link opens
	Ticket string
	Next   string // the local address to go on to; empty for the drive
}

// Continue renders the page that asks before a link signs this browser in.
func (e *Edition) Continue(v Continue) ([]byte, error) { return e.render("continue", v) }
