package pages

import "time"

// People is the page with the accounts.
type People struct {
	AdminFrame
	Search, Show, Order string // Show: "", "disabled" or "admins"; Order: "", "newest" or "oldest"
	Items               []Person
	Next                string // address of the next page; empty if there is none
	First               string // address of the first page, from one that is not; else empty
}

// Person is an account as administrators see it.
type Person struct {
	Address, Username, Email, Phone string
	Admin, Disabled, Self           bool
	Created                         time.Time
	Seen                            time.Time // zero if it is not known
	Drive                           bool      // false while it is being removed
	Usage                           Usage
}

// Known reports whether it is known when the account was used.
func (p Person) Known() bool { return !p.Seen.IsZero() }

// People renders the page with the accounts.
func (e *Edition) People(v People) ([]byte, error) { return e.render("admin-users", v) }

// PersonPage is the page of one account.
type PersonPage struct {
	AdminFrame
	Person
	ID                           string
	EmailVerified, PhoneVerified bool
	SecondFactor                 bool
	Reserved                     int64  // bytes that open uploads will need
	QuotaText                    string // as it stands in the form
	NewPassword                  string // that was made up just now, this once
	Sessions                     []Session
	AppPasswords                 []AppPassword // Folder is only whether there is one
	Lines                        []AuditLine
	More                         string // address of all that was done
}

// PersonPage renders the page of one account.
func (e *Edition) PersonPage(v PersonPage) ([]byte, error) { return e.render("admin-user", v) }

// RemovePerson is the question before an account is deleted by an administrator.
type RemovePerson struct {
	AdminFrame
	Person
}

// RemovePerson renders the question before an account is deleted.
func (e *Edition) RemovePerson(v RemovePerson) ([]byte, error) { return e.render("admin-delete", v) }
