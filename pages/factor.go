package pages

import (
	"html/template"
	"time"
)

// Factor is the page of the account's second factor.
type Factor struct {
	AccountFrame
	On             bool // there is one, so what changes it wants a code
	TOTP           bool // there is an authenticator app
	RecoveryCodes  int  // that are left
	Passkeys       []Passkey
	PasskeyProblem string      // why no passkey can be made at this address; empty if one can
	Enrollment     *Enrollment // an authenticator app that waits for its first code
	Codes          []string    // recovery codes that are shown this once
}

// Passkey is one of the account's passkeys.
type Passkey struct {
	Name, Host    string
	Created, Used time.Time // Used is zero if it never was
	Remove        string    // address of the form that removes it
}

// Enrollment is what an authenticator app is told.
type Enrollment struct {
	Secret string
	URI    template.URL // otpauth://…, made by the server
	QR     template.URL // a PNG as a data URI, made by the server
}

// Factor renders the page of the account's second factor.
func (e *Edition) Factor(v Factor) ([]byte, error) { return e.render("second-factor", v) }

// SecondStep is the page that asks for the second factor after the password was right.
type SecondStep struct {
	Frame
	Half     string // what stands for the first step
	Next     string // the local address to go on to
	Passkeys bool   // a passkey will do as well at this address
}

// SecondStep renders the page that asks for the second factor.
func (e *Edition) SecondStep(v SecondStep) ([]byte, error) { return e.render("second-step", v) }

// Ceremony is the page on which the browser makes or uses a passkey. It needs its script.
type Ceremony struct {
	Frame
	Kind    string // "create" or "get"
	Options string // of navigator.credentials, as JSON
	Action  string // address that takes what the browser answers
	Back    string // address of the page before
	Next    string // the local address to go on to
}

// Ceremony renders the page on which the browser makes or uses a passkey.
func (e *Edition) Ceremony(v Ceremony) ([]byte, error) { return e.render("passkey", v) }
