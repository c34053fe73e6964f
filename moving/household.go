package moving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Household is an account of another server, with what it has.
type Household struct {
	Name     string // a username, or an e-mail address
	Email    string // empty if none
	Hash     string // of the password, as it was kept there; empty if none
	Quota    *int64 // bytes; nil is this server's default
	Disabled bool
	Folders  []Belonging
	Notes    []string // what does not come along
	Left     error    // why the account stays; nil if it comes
}

// Belonging is a folder here that is a household's. Of two where one is in the other, the inner one is what was seen in its place.
type Belonging struct {
	From string
	To   drive.Path
}

// Households takes accounts over.
type Households struct {
	In       // Drive, User and To are each account's
	Accounts *authn.Accounts
	Existing bool // whether what an account has comes to one that has its very name here already; else it fails
}

// Take makes an account and takes what it has. Whoever was taken before only gets what is missing: Existing says that this is meant. An account whose
// password is kept in a way that nobody here can verify gets none.
func (h Households) Take(ctx context.Context, from Household) (sum Sum, err error) {
	h.User = from.Name
	t := tally{tell: h.Tell}
	say := func(outcome Outcome, why error) { t.add(Told{User: from.Name, Outcome: outcome, Why: why}) }
	if from.Left != nil {
		say(Left, from.Left)
		return t.sum, nil
	}
	u, made, err := h.account(ctx, from, say)
	if err != nil {
		if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Busy {
			return t.sum, err
		}
		say(Failed, err)
		return t.sum, nil
	}
	if h.Drive = u.ID; made {
		say(Noted, fmt.Errorf("has an account now%s", wouldHave(h.DryRun)))
	}
	for _, note := range from.Notes {
		say(Noted, fmt.Errorf("%s", note))
	}
	for _, b := range from.Folders {
		in := h.In
		in.To, in.Covered = b.To, nil
		for _, other := range from.Folders {
			if other.To != b.To && other.To.Within(b.To) {
				in.Covered = append(in.Covered, other.To)
			}
		}
		moved, err := in.Folder(ctx, b.From, nil)
		sum.Add(moved)
		var here *fs.PathError
		switch {
		case err == nil:
		case errors.As(err, &here) && errors.Is(err, fs.ErrNotExist):
			say(Left, fmt.Errorf("%s is not there, so nothing came from it", b.From))
		case fault.Is(err, fault.Full): // the next account may have room
			say(Failed, err)
			sum.Add(t.sum)
			return sum, nil
		case errors.As(err, &here) && ctx.Err() == nil:
			say(Failed, err)
		default:
			return sum, fmt.Errorf("%s: %w", b.From, err)
		}
	}
	sum.Add(t.sum)
	return sum, nil
}

func wouldHave(dry bool) string {
	if dry {
		return ", or would have"
	}
	return ""
}

// account finds or makes the account. In a dry run one that is not there has no id.
func (h Households) account(ctx context.Context, from Household, say func(Outcome, error)) (u authn.User, made bool, err error) {
	u, err = h.Accounts.UserByLogin(ctx, from.Name)
	if err == nil && !isCalled(u, from.Name) {
		return u, false, fault.New(fault.Exists, "moving.Take", fmt.Sprintf("Here its name is that of another account, %q, which gets nothing of this. To give it what is in the folder: satchel import --user %s FOLDER", u.Username, u.Username))
	}
	if err == nil && !h.Existing {
		return u, false, fault.New(fault.Exists, "moving.Take", "There is an account of this name already. With --existing it gets what is in the folder, and stays as it is otherwise.")
	}
	if err == nil || !fault.Is(err, fault.NotFound) {
		return u, false, err
	}
	n := authn.NewUser{Registration: authn.Registration{Username: from.Name, Email: from.Email}, Role: authn.RoleUser, Quota: from.Quota, Hash: &from.Hash, Disabled: from.Disabled}
	if strings.Contains(from.Name, "@") {
		n.Username, n.Email = "", from.Name
	}
	if why := authn.CheckForeignHash(from.Hash); from.Hash == "" || why != nil {
		n.Hash = new("")
		say(Noted, fmt.Errorf("has no password here, since there is none that could be taken over: satchel user passwd %s", from.Name))
	}
	if h.DryRun {
		return u, true, nil
	}
	d := h.Accounts.Administer(authn.Principal{}, authn.Client{})
	u, err = d.CreateUser(ctx, n)
	if err != nil && n.Username != "" && n.Email != "" && aboutEmail(err) {
		say(Noted, fmt.Errorf("the e-mail address %q was left out: %s", n.Email, firstSentence(err)))
		n.Email = ""
		u, err = d.CreateUser(ctx, n)
	}
	return u, true, err
}

// isCalled reports whether a name of another server is an account's own, letter for letter: there "Ann" and "ann" are two people, each with files that are
// not the other's.
func isCalled(u authn.User, name string) bool {
	return norm.NFC.String(name) == u.Username || strings.Contains(name, "@") && name == u.Email
}

// aboutEmail reports whether only the e-mail address keeps an account from being made.
func aboutEmail(err error) bool {
	code, _, fields := fault.Public(err)
	return code == "email_taken" || len(fields) == 1 && fields[0].Name == "email"
}

func firstSentence(err error) string {
	_, sentence, fields := fault.Public(err)
	if len(fields) > 0 {
		return fields[0].Message
	}
	return sentence
}
