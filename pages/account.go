package pages

import "time"

// Section is a part of the account's pages.
type Section struct{ Address, Name string }

// IdentitiesSection is the address of the accounts elsewhere that open this one.
const IdentitiesSection = "/account/identities"

// accountSections are the parts in the order in which they are offered.
func accountSections() []Section {
	return []Section{
		{"/account", "Account"},
		{"/account/profile", "Profile"},
		{"/account/password", "Password"},
		{"/account/second-factor", "Second factor"},
		{"/account/app-passwords", "App passwords"},
		{"/account/sessions", "Devices"},
		{"/account/shares", "Shared links"},
		{IdentitiesSection, "Sign-in elsewhere"},
		{"/account/activity", "Activity"},
		{"/account/data", "Your data"},
	}
}

// AccountFrame is what every page of the account has.
type AccountFrame struct {
	Frame
	Here string // address of this section
	Done string // what the form that was sent did, as a sentence; empty if none was sent
}

// Sections are the parts of the account, to go to.
func (AccountFrame) Sections() []Section { return accountSections() }

// Account is the page with what the account is.
type Account struct {
	AccountFrame
	Username, Email, Phone string
	Created                time.Time
	Usage                  Usage
}

// Account renders the page with what the account is.
func (p *Pages) Account(v Account) ([]byte, error) { return p.render("account", v) }
