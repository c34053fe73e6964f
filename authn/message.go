package authn

import "github.com/satchelhq/satchel/pages/catalogue"

// What messages say is in the catalogues (message.toml), in the language of who asked. It holds nothing that a stranger typed but the code's own address.

// site names this server, where it has a name.
func (a *Accounts) site() string {
	if a.o.Site == "" {
		return "Satchel"
	}
	return a.o.Site
}

// words are the subject and the text of a message, filled in with pairs of a name and its value and with the name of this server.
func (a *Accounts) words(l catalogue.Language, message string, pairs ...any) (subject, text string, err error) {
	all, err := a.catalogue()
	if err != nil {
		return "", "", err
	}
	pairs = append(pairs, "site", a.site())
	if subject, err = all.Say(l, "message."+message+".subject", pairs...); err != nil {
		return "", "", err
	}
	text, err = all.Say(l, "message."+message+".text", pairs...)
	return subject, text, err
}

// languageOf is the language of the messages for a client.
func (a *Accounts) languageOf(c Client) (catalogue.Language, error) {
	all, err := a.catalogue()
	if err != nil {
		return "", err
	}
	return all.Match(c.Language), nil
}

// proving is the message to who proves that an address is their own. claimed says that an account has it already, without a proof.
func proving(purpose string, claimed bool) string {
	message := "address"
	if purpose == CodeRegister {
		message = "register"
	}
	if claimed {
		message += "-claimed"
	}
	return message
}
