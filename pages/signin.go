package pages

// Login is the page to sign in on.
type Login struct {
	Frame
	Login        string // as typed before
	Next         string // the local address to go on to
	TicketEnded  bool   // a link that opens the page once was used or is too old
	Registration bool   // newcomers may register
	Passkeys     bool   // passkeys work at this address
}

// Login renders the page to sign in on.
func (p *Pages) Login(v Login) ([]byte, error) { return p.render("login", v) }

// Register is the page for newcomers.
type Register struct {
	Frame
	Username, Email, Phone string // as typed before
	Next                   string // the local address to go on to
	Open                   bool   // newcomers may register; if not the page says so
	MinPassword            int    // characters that a password has at least
}

// Register renders the page for newcomers.
func (p *Pages) Register(v Register) ([]byte, error) { return p.render("register", v) }
