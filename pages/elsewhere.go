package pages

import "time"

// Elsewhere is a provider where people may sign in.
type Elsewhere struct {
	Name    string
	Address string // of the form that begins it, or what the form names it by
}

// Onward is the page that goes on to a provider, for browsers that do not do so by themselves.
type Onward struct {
	Frame
	Name, Address string
}

// Onward renders the page that goes on to a provider.
func (e *Edition) Onward(v Onward) ([]byte, error) { return e.render("onward", v) }

// Identities is the page with the accounts elsewhere that open this one.
type Identities struct {
	AccountFrame
	Items       []Identity
	Elsewhere   []Elsewhere
	HasPassword bool // without one, whoever signed in just now may link
}

// Identity is an account elsewhere. An empty Provider is one that cannot be signed in at any more.
type Identity struct {
	ID, Provider, Issuer, Label string
	Created, Used               time.Time
}

// Identities renders the page with the accounts elsewhere that open this one.
func (e *Edition) Identities(v Identities) ([]byte, error) { return e.render("identities", v) }
