package authn

import "fmt"

// What messages say. The texts fit into a text message too: short, the code first, where it is for, and what to do about it if
// nobody asked. They hold nothing that a stranger typed but the code's own address.

// site names this server, where it has a name.
func (a *Accounts) site() string {
	if a.o.Site == "" {
		return "Satchel"
	}
	return a.o.Site
}

// codeText is for who proves that an address is their own. claimed says that an account has it already, without a proof.
func (a *Accounts) codeText(purpose, code string, claimed bool) (subject, text string) {
	why := "to make an account"
	if purpose != CodeRegister {
		why = "to add this address to your account"
	}
	text = fmt.Sprintf("%s is your code for %s, %s. It works for 10 minutes. Nobody from %s will ask you for it; if you did not want it, do nothing.",
		code, a.site(), why, a.site())
	if claimed {
		text += " An account that never confirmed this address has it now, and loses it when you use the code."
	}
	return "Your code for " + a.site(), text
}

// resetText is for who has forgotten a password.
func (a *Accounts) resetText(code string, u User) (subject, text string) {
	return "Your code for " + a.site(), fmt.Sprintf(
		"%s is your code for a new password of the account %s on %s. It works for 10 minutes. Nobody from %s will ask you for it; if you did not want it, do nothing, and your password stays as it is.",
		code, u.Username, a.site(), a.site())
}

// knownText is for who registers and has an account.
func (a *Accounts) knownText(u User) (subject, text string) {
	return "You have an account on " + a.site(), fmt.Sprintf(
		"Somebody, probably you, wanted to make an account on %s with this address. You have one already: %s. Sign in with it, or ask for a new password if you forgot yours.",
		a.site(), u.Username)
}

// elsewhereText is for who adds an address to one account that another one has.
func (a *Accounts) elsewhereText() (subject, text string) {
	return "This address is in use on " + a.site(), fmt.Sprintf(
		"Somebody wanted to add this address to an account on %s. Another account has it already, so nothing was changed. If that was you, take it from the other account first.",
		a.site())
}

// changedText is for the address that an account had before.
func (a *Accounts) changedText(u User, kind string) (subject, text string) {
	what := "e-mail address"
	if kind == kindPhone {
		what = "phone number"
	}
	return "Your account on " + a.site() + " was changed", fmt.Sprintf(
		"The account %s on %s no longer has this %s. If that was not you, ask for help from whoever runs %s.", u.Username, a.site(), what, a.site())
}

// resetDoneText is for the owner of an account whose password was replaced by a code.
func (a *Accounts) resetDoneText(u User) (subject, text string) {
	return "Your password on " + a.site() + " was changed", fmt.Sprintf(
		"The account %s on %s has a new password, and was signed out everywhere. If that was not you, ask for a new one at once, and look after your mailbox.", u.Username, a.site())
}
