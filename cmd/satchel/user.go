package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/config"
)

func (p *program) userCommand() *cobra.Command {
	return group("user", "Accounts",
		p.userAddCommand(), p.userListCommand(), p.userShowCommand(), p.userPasswdCommand(), p.userRoleCommand(), p.userQuotaCommand(),
		p.userSignOutCommand(), p.userResetFactorCommand(), p.userDisableCommand(), p.userEnableCommand(), p.userAppPasswordCommand(), p.userDeleteCommand())
}

// loginArg is what the commands about one account take.
const loginArg = "USERNAME|EMAIL|PHONE"

// changeUser is a command that changes one account.
func (p *program) changeUser(cmd *cobra.Command, login string, do func(ctx context.Context, d authn.Administration, u authn.User) (done string, err error)) error {
	return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
		u, err := in.accounts.UserByLogin(ctx, login)
		if err != nil {
			return err
		}
		done, err := do(ctx, in.accounts.Administer(authn.Principal{}, authn.Client{}), u)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s %s.\n", u.Username, done)
		return err
	})
}

// noQuota is how a command says that there is no limit.
const noQuota = "none"

// parseQuota reads a quota; negative is no limit, for which 0 stands as in the settings.
func parseQuota(text string) (int64, error) {
	if text == noQuota {
		return -1, nil
	}
	n, err := config.ParseSize(text)
	if err != nil {
		return 0, usagef("the quota %q: want %w, or %s", text, err, noQuota)
	}
	if n == 0 {
		return -1, nil
	}
	return n, nil
}

// showQuota is the other way round.
func showQuota(quota int64) string {
	if quota < 0 {
		return noQuota
	}
	return fmt.Sprintf("%d bytes", quota)
}

// terminal makes text that a stranger sent safe to print: what is not shown as a character is spelled, so that nothing moves the cursor,
// looks like another line, or turns text around.
func terminal(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// jsonForTerminal writes JSON so that it is safe to print: it means the same as before.
type jsonForTerminal struct{ io.Writer }

func (w jsonForTerminal) Write(p []byte) (int, error) {
	var b strings.Builder
	for _, r := range string(p) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	if _, err := io.WriteString(w.Writer, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
