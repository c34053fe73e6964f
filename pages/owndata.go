package pages

import "time"

// Data is the page to take all of one's data on, or to end the account.
type Data struct {
	AccountFrame
	Usage Usage
}

// Data renders the page to take all of one's data on.
func (e *Edition) Data(v Data) ([]byte, error) { return e.render("data", v) }

// Leave asks before the account is deleted.
type Leave struct {
	Frame
	Usage Usage
	Proof Proof
}

// Leave renders the question before the account is deleted.
func (e *Edition) Leave(v Leave) ([]byte, error) { return e.render("leave", v) }

// Farewell renders the page after the account was deleted.
func (e *Edition) Farewell(v Frame) ([]byte, error) { return e.render("farewell", v) }

// Activity is the page with what was done with the account.
type Activity struct {
	AccountFrame
	Lines []ActivityLine // newest first
	Next  string         // address of earlier ones; empty if there are none
}

// ActivityLine is one thing that was done.
type ActivityLine struct {
	At              time.Time
	Event           string // as the audit log has it
	ByAdministrator bool
	Address, Detail string
	Device          Device
	Times           int64
}

// Activity renders the page with what was done with the account.
func (e *Edition) Activity(v Activity) ([]byte, error) { return e.render("activity", v) }
