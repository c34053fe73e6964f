package pages

import (
	"encoding/base64"
	"html/template"
	"time"

	"rsc.io/qr"
)

// AppPasswords is the page with the passwords for programs and devices.
type AppPasswords struct {
	AccountFrame
	Items   []AppPassword
	Made    *MadeAppPassword // that was just made; nil if none was
	Form    AppPasswordForm
	Folders []string // some that may be named, to choose from
}

// AppPassword is one of them, without its secret.
type AppPassword struct {
	ID, Name            string
	Folder              string // empty for the whole drive
	FolderGone          bool   // what it opened was removed
	ReadOnly            bool
	Created             time.Time
	Seen, Expires, Asks time.Time // Asks is now
}

// Used reports whether it was ever used.
func (p AppPassword) Used() bool { return !p.Seen.IsZero() }

// Ends reports whether it expires.
func (p AppPassword) Ends() bool { return !p.Expires.IsZero() }

// Ended reports whether it has expired.
func (p AppPassword) Ended() bool { return p.Ends() && !p.Expires.After(p.Asks) }

// MadeAppPassword is an app password that is shown this once.
type MadeAppPassword struct {
	Name, Username, Password string
	Address                  string // for WebDAV
	Link                     string // all of it in one, for the QR code
}

// AppPasswordForm is what was filled in.
type AppPasswordForm struct {
	Name, Folder string
	ReadOnly     bool
	Days         string // until it expires; empty for never
	AskPassword  bool   // the account's password is needed
	AskCode      bool   // and a code of its second factor
}

// Choices are the times after which an app password may expire.
func (f AppPasswordForm) Choices() []Choice {
	all := []Choice{{"", "expiry.never", false}, {"30", "expiry.month", false}, {"90", "expiry.quarter", false}, {"365", "expiry.year", false}}
	for i := range all {
		all[i].Chosen = all[i].Value == f.Days
	}
	return all
}

// Choice is one of several to choose from. Key is that of its name in the catalogues.
type Choice struct {
	Value, Key string
	Chosen     bool
}

// AppPasswords renders the page with the passwords for programs and devices.
func (e *Edition) AppPasswords(v AppPasswords) ([]byte, error) { return e.render("app-passwords", v) }

// qrImage is a text as a QR code, of which a quarter may be unreadable: a PNG within an address.
func qrImage(text string) (template.URL, error) {
	code, err := qr.Encode(text, qr.Q)
	if err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG())), nil
}
