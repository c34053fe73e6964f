package authn

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/sqldb"
)

// freeUsername is a username for somebody who came from a provider, near to what it calls them, that nobody has.
func freeUsername(ctx context.Context, q sqldb.Querier, person openid.Person) (stored, key string, err error) {
	base := usernameFrom(person)
	for try := range 12 {
		name := base
		switch {
		case try >= 9: // common names run out of numbers
			name += "-" + strings.ToLower(rand.Text()[:8])
		case try > 0:
			name = fmt.Sprintf("%s-%d", base, try+1)
		}
		stored, key, ok := usernameKey(name)
		if !ok {
			return "", "", fmt.Errorf("authn.freeUsername: %q is no username", name)
		}
		var taken bool
		if err := q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE username_key = $1)`, []any{key}, &taken); err != nil {
			return "", "", err
		}
		if !taken {
			return stored, key, nil
		}
	}
	return "", "", fmt.Errorf("authn.freeUsername: nothing near %q is free", base)
}

// usernameFrom is a username near to what a provider calls somebody: the name they prefer, the local part of their e-mail address, or
// their name. It leaves room for a hyphen and eight characters.
func usernameFrom(person openid.Person) string {
	for _, name := range []string{person.PreferredUsername, person.Email, person.Name} {
		name, _, _ = strings.Cut(shown(name, 1024), "@")
		if name = fitUsername(name); name != "" {
			return name
		}
	}
	return "user"
}

// fitUsername keeps of a name what a username may hold; empty if that is nothing. Runs of anything else become a hyphen.
func fitUsername(name string) string {
	var b strings.Builder
	length, gap := 0, false
	for _, r := range norm.NFKC.String(name) {
		if length >= MaxUsername-9 {
			break
		}
		letter := !invisible(r) && (unicode.IsLetter(r) || unicode.IsDigit(r))
		inner := length > 0 && (r == '.' || r == '_' || unicode.IsMark(r) && !invisible(r))
		if !letter && !inner {
			gap = length > 0
			continue
		}
		if gap && !unicode.IsMark(r) {
			b.WriteByte('-')
			length++
		}
		gap = false
		b.WriteRune(r)
		length++
	}
	fitted := strings.TrimRight(b.String(), "._-")
	// The key of a name can be longer than the name, and of few names it is none.
	stored, key, ok := usernameKey(fitted)
	if !ok || utf8.RuneCountInString(key) > MaxUsername-9 {
		return ""
	}
	return stored
}

// visible is s without what leaves no trace where it is printed, but for spaces inside.
func visible(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != ' ' && (r == utf8.RuneError || invisible(r)) {
			return -1
		}
		return r
	}, s))
}
