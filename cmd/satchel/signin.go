package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// plainHTTP is the flag for servers without TLS.
const plainHTTP = "plain-http"

// serverArg reads the address of a server as a person types it, who is going to sign in there.
func (a *atPrompt) serverArg(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	return a.parseServer(text)
}

// parseServer reads the address of a server that is to get a password or a token. Over plain HTTP it gets them only if that was asked for.
func (a *atPrompt) parseServer(text string) (*url.URL, error) {
	server, err := client.ParseServer(text)
	if err != nil {
		return nil, &usageError{err}
	}
	if client.Readable(server) && !a.plain {
		return nil, usagef("over %s others on the way can read your password or token: use https, or say --%s", server, plainHTTP)
	}
	return server, nil
}

func (a *atPrompt) registerCommand() *cobra.Command {
	var r client.Registration
	var send bool
	cmd := &cobra.Command{
		Use:   "register URL [USERNAME]",
		Short: "Make an account on a server, and sign in",
		Long: `Make an account on a server, and sign in. The password is asked for, or read from a pipe.

Where the server verifies addresses, have a code sent first, and register with it:

  satchel register URL --email ADDRESS --send-code
  satchel register URL [USERNAME] --email ADDRESS --code CODE`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := a.serverArg(args[0])
			if err != nil {
				return err
			}
			if len(args) > 1 {
				r.Username = args[1]
			}
			c := client.New(server, a.options(askPatience))
			defer c.Close()
			if send {
				return a.sendCode(cmd.Context(), c, r)
			}
			if r.Username == "" && r.Email == "" && r.Phone == "" {
				return usagef("an account needs a username, --email or --phone")
			}
			if r.Password, err = a.readPassword(cmd.Context()); err != nil {
				return err
			}
			s, err := c.Register(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.keep(s, "has an account at")
		},
	}
	cmd.Flags().StringVar(&r.Email, "email", "", "e-mail `ADDRESS`")
	cmd.Flags().StringVar(&r.Phone, "phone", "", "phone `NUMBER`, such as +4930123456")
	cmd.Flags().BoolVar(&send, "send-code", false, "only have a code sent to the address")
	cmd.Flags().StringVar(&r.Code, "code", "", "the `CODE` that was sent to the address")
	cmd.Flags().StringVar(&r.Invitation, "invitation", "", "the `CODE` of an invitation, where only the invited may register")
	return cmd
}

func (a *atPrompt) sendCode(ctx context.Context, c *client.Client, r client.Registration) error {
	to := r.Email + r.Phone
	if to == "" || r.Email != "" && r.Phone != "" {
		return usagef("--send-code takes one of --email and --phone")
	}
	if err := c.SendCode(ctx, to, r.Invitation); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "A code is on its way to %s. Register with it: --code CODE\n", terminal(to))
	return err
}

func (a *atPrompt) loginCommand() *cobra.Command {
	var otp string
	var app bool
	cmd := &cobra.Command{
		Use:   "login URL [USERNAME|EMAIL|PHONE]",
		Short: "Sign in to a server",
		Long: `Sign in to a server. The password is asked for, or read from a pipe.

With an authenticator app, its code is asked for too, or given by --otp; a recovery code does as well.
Accounts whose second factor is a passkey, and those that sign in at a provider and have no password, need an
app password: make one on the pages under Account, Connect, and sign in with --app-password. It is kept as it
is, makes no shared links, and may be limited to a folder or to reading.

What is kept is readable by you only. Without a file, the environment does:
  SATCHEL_CLIENT_SERVER with SATCHEL_CLIENT_TOKEN, or with SATCHEL_CLIENT_USER and
  SATCHEL_CLIENT_PASSWORD or SATCHEL_CLIENT_PASSWORD_FILE (an app password)`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := a.serverArg(args[0])
			if err != nil {
				return err
			}
			login := ""
			if len(args) > 1 {
				login = args[1]
			} else if login, err = a.ask(cmd.Context(), "Username: "); err != nil {
				return err
			}
			password, err := a.askHidden(cmd.Context(), "Password: ")
			if err != nil {
				return err
			}
			if app {
				return a.loginApp(cmd.Context(), server, login, password)
			}
			c := client.New(server, a.options(askPatience))
			defer c.Close()
			s, err := c.Login(cmd.Context(), login, password, otp)
			if code, _, _ := fault.Public(err); err != nil && code == "otp_required" && isTerminal(a.stdin) {
				if otp, err = a.ask(cmd.Context(), "Code of your authenticator app, or a recovery code: "); err != nil {
					return err
				}
				s, err = c.Login(cmd.Context(), login, password, otp)
			}
			if code, sentence, _ := fault.Public(err); err != nil && code == "otp_required" {
				return fault.New(fault.Unauthenticated, "login", sentence+" Say --otp CODE, or sign in with --app-password.").WithCode(code)
			}
			if err != nil {
				return err
			}
			return a.keep(s, "is signed in at")
		},
	}
	cmd.Flags().StringVar(&otp, "otp", "", "`CODE` of the second factor")
	cmd.Flags().BoolVar(&app, "app-password", false, "the password is an app password")
	return cmd
}

// loginApp keeps an app password, if it opens the account.
func (a *atPrompt) loginApp(ctx context.Context, server *url.URL, login, password string) error {
	c := client.WithPassword(server, login, password, a.options(askPatience))
	defer c.Close()
	me, err := c.Me(ctx)
	if err != nil {
		return err
	}
	return a.keep(client.Session{Server: server.String(), Username: me.User.Username, AppPassword: password}, "is signed in at")
}

// keep writes a sign-in to the file.
func (a *atPrompt) keep(s client.Session, done string) error {
	file, err := a.sessionFile()
	if err == nil {
		err = file.Save(s)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s %s %s.\n", terminal(s.Username), done, s.Server)
	return err
}

func (a *atPrompt) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the sign-in, here and on the server",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := a.sessionFile()
			if err != nil {
				return err
			}
			s, err := file.Session()
			if err != nil {
				return err
			}
			c, err := client.WithSession(file, a.options(askPatience))
			if err != nil {
				return err
			}
			defer c.Close()
			if s.AppPassword == "" {
				if err := c.Logout(cmd.Context()); err != nil {
					return err
				}
			}
			if err := file.Remove(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "Signed out of %s.\n", terminal(s.Server))
			return err
		},
	}
}

func (a *atPrompt) whoamiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Tell who is signed in, where, and how full the drive is",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				me, err := c.Me(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"server": c.Server(), "user": me.User, "drive": me.Drive})
				}
				of := ""
				if me.Drive.Quota != nil {
					of = " of " + showSize(*me.Drive.Quota)
				}
				_, err = fmt.Fprintf(a.stdout, "%s at %s, %s%s used\n", terminal(me.User.Username), c.Server(), showSize(me.Drive.Used), of)
				return err
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

// ask reads one line that is shown as it is typed.
func (a *atPrompt) ask(ctx context.Context, prompt string) (string, error) {
	if !isTerminal(a.stdin) {
		return "", usagef("there is nobody to ask for: %s", strings.TrimSuffix(prompt, ": "))
	}
	fmt.Fprint(a.stderr, prompt)
	return a.readLine(ctx, 1<<10)
}

// askHidden reads one line that is not shown, or the first line of the input.
func (a *atPrompt) askHidden(ctx context.Context, prompt string) (string, error) {
	if isTerminal(a.stdin) {
		return a.hidden(ctx, prompt)
	}
	line, err := a.readLine(ctx, maxPasswordLine)
	if err == nil && line == "" {
		err = usagef("the input holds no password")
	}
	return line, err
}
