package pages

import "net/url"

// Login is the page to sign in on.
type Login struct {
	Frame
	Login        string // as typed before
	Next         string // the local address to go on to
	TicketEnded  bool   // a link that opens the page once was used or is too old
	Registration bool   // newcomers may register
	Passkeys     bool   // passkeys work at this address
	Forgot       bool   // codes stand in for forgotten passwords
	Reset        bool   // a forgotten password was just replaced
	Elsewhere    []Elsewhere
}

// RegisterAddress is where newcomers make an account.
func (l Login) RegisterAddress() string { return withNext("/register", l.Next) }

func withNext(address, next string) string {
	if next == "" {
		return address
	}
	return address + "?next=" + url.QueryEscape(next)
}

// Login renders the page to sign in on.
func (e *Edition) Login(v Login) ([]byte, error) { return e.render("login", v) }
