package pages

import "time"

// Section is a part of the account's pages. Key is that of its name in the catalogues.
type Section struct{ Address, Key string }

// IdentitiesSection is the address of the accounts elsewhere that open this one.
const IdentitiesSection = "/account/identities"

// accountSections are the parts in the order in which they are offered.
func accountSections() []Section {
	return []Section{
		{"/account", "section.account"},
		{"/account/profile", "section.profile"},
		{"/account/password", "section.password"},
		{"/account/second-factor", "section.second-factor"},
		{"/account/connect", "section.connect"},
		{"/account/app-passwords", "section.app-passwords"},
		{"/account/sessions", "section.devices"},
		{"/account/shares", "section.shared-links"},
		{IdentitiesSection, "section.elsewhere"},
		{"/account/activity", "section.activity"},
		{"/account/data", "section.data"},
	}
}

// AccountFrame is what every page of the account has.
type AccountFrame struct {
	Frame
	Here  string   // address of this section
	Admin bool     // the pages for administrators are offered
	Done  *Message // what the form that was sent did; nil if none was sent
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
func (e *Edition) Account(v Account) ([]byte, error) { return e.render("account", v) }
