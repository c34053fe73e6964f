package pages

// Register is the page for newcomers. Where an address is proven by a code it has two steps: the address, and then the code with
// the rest.
type Register struct {
	Frame
	Username, Email, Phone string // as typed before
	Next                   string // the local address to go on to
	Open                   bool   // newcomers may register; if not the page says so
	Invited                bool   // with an invitation only
	Invitation             string // the one that they have; the page asks for it if it is missing
	Verify                 string // "email" or "phone": the address that a code proves; anything else is none
	Sent                   bool   // a code is on its way: this is the second step
	MinPassword            int    // characters that a password has at least
	Elsewhere              []Elsewhere
}

// Address is the address that a code proves.
func (v Register) Address() string {
	if v.Verify == "phone" {
		return v.Phone
	}
	return v.Email
}

// LoginAddress is where those sign in who have an account.
func (v Register) LoginAddress() string { return withNext("/login", v.Next) }

// Proves reports whether a code proves an address.
func (v Register) Proves() bool { return v.Verify == "email" || v.Verify == "phone" }

// Register renders the page for newcomers.
func (e *Edition) Register(v Register) ([]byte, error) { return e.render("register", v) }

// Forgot is the page for who has forgotten a password, in two steps.
type Forgot struct {
	Frame
	To          string // the address that the code goes to, as typed
	Mail, Texts bool   // whether codes are sent to e-mail addresses, and to phones; neither: the page says so
	Sent        bool   // this is the second step
	MinPassword int    // characters that a password has at least
}

// Forgot renders the page for who has forgotten a password.
func (e *Edition) Forgot(v Forgot) ([]byte, error) { return e.render("forgot", v) }

// Profile is the page to change what an account is known by.
type Profile struct {
	AccountFrame
	Username     string
	Email, Phone ProfileAddress
	Proof        Proof
	Refused      string // the form that Problem is about, by the name of its action; empty if none was sent
}

// ProofFor is what the form with an action asks for.
func (v Profile) ProofFor(action string) ProofForm {
	if action != v.Refused {
		return v.Proof.For(action, nil)
	}
	return v.Proof.For(action, v.Problem)
}

// ProfileAddress is an address of an account, and how far changing it has come.
type ProfileAddress struct {
	Now      string // empty if none
	Verified bool   // a code has proven it
	Sends    bool   // whether codes are sent to such addresses; if not it cannot be changed
	Needed   bool   // an account has one here: it can be changed and not taken away
	New      string // the address that a code is on its way to, or as it was typed
	Sent     bool   // a code is on its way to New
}

// Profile renders the page to change what an account is known by.
func (e *Edition) Profile(v Profile) ([]byte, error) { return e.render("profile", v) }
