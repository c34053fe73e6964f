package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/fault"
)

// The groups of commands in satchel --help.
const (
	groupServer = "server"
	groupClient = "client"
)

// atPrompt is what the commands of the client have in common.
type atPrompt struct {
	*program
	session  string        // file
	patience time.Duration // for transfers
	json     bool
	dry      bool // nothing is moved, and all is listed
	plain    bool // what signs in may go over HTTP without TLS
}

// clientEnv begins the environment of the client, which the server's settings pass over.
const clientEnv = "SATCHEL_CLIENT_"

func (p *program) env(name string) string {
	for _, line := range p.environ {
		if key, value, _ := strings.Cut(line, "="); key == clientEnv+name {
			return value
		}
	}
	return ""
}

// clientCommands are the commands of whoever uses a server, as against those of whoever runs it.
func (p *program) clientCommands() []*cobra.Command {
	a := &atPrompt{program: p}
	all := []*cobra.Command{
		a.registerCommand(), a.loginCommand(), a.logoutCommand(), a.whoamiCommand(),
		a.lsCommand(), a.putCommand(), a.getCommand(), a.mkdirCommand(), a.mvCommand(), a.cpCommand(), a.rmCommand(),
		a.shareCommand(), a.uploadsCommand(),
	}
	for _, cmd := range all {
		cmd.GroupID = groupClient
		cmd.PersistentFlags().StringVar(&a.session, "session", "", "`FILE` that keeps the sign-in (default: in the folder for settings of your system)")
		cmd.PersistentFlags().BoolVar(&a.plain, plainHTTP, false, "send passwords and tokens without TLS, for others on the way to read")
		a.adopt(cmd)
	}
	return all
}

// adopt makes a command and those below it the client's: the server's settings are none of their flags, and their errors have codes.
func (a *atPrompt) adopt(cmd *cobra.Command) {
	cmd.SetUsageTemplate(clientUsage)
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			for _, f := range config.Flags() {
				if flag := cmd.Flags().Lookup(f.Name); flag != nil && flag.Changed {
					return usagef("--%s is for the commands of the server", f.Name)
				}
			}
			if err := inner(cmd, args); err != nil {
				return &clientError{err}
			}
			return nil
		}
	}
	for _, below := range cmd.Commands() {
		a.adopt(below)
	}
}

// clientUsage is cobra's own without the flags of the server, which all commands inherit.
const clientUsage = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

// clientError is an error of a command of the client.
type clientError struct{ err error }

func (e *clientError) Error() string { return sentence(e.err) }
func (e *clientError) Unwrap() error { return e.err }

// told reports whether whoever typed the command has read it already.
func (e *clientError) told() bool {
	var one errOne
	return errors.As(e.err, &one)
}

// sentence is an error as whoever typed the command reads it: the server's or the client's own sentence where there is one. It may hold
// names that strangers chose.
func sentence(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	var of *aboutError
	if errors.As(err, &of) {
		return terminal(of.path) + ": " + sentence(of.err)
	}
	var refused *fault.Error
	if !errors.As(err, &refused) {
		return terminal(err.Error())
	}
	if refused.Public == "" && refused.Err != nil {
		return terminal(refused.Err.Error())
	}
	var b strings.Builder
	b.WriteString(terminal(cmp.Or(refused.Public, refused.Kind.String())))
	for _, f := range refused.Fields {
		fmt.Fprintf(&b, "\n  %s: %s", terminal(f.Name), terminal(f.Message))
	}
	return b.String()
}

// aboutError is an error with what it is about.
type aboutError struct {
	path string
	err  error
}

func (e *aboutError) Error() string { return e.path + ": " + e.err.Error() }
func (e *aboutError) Unwrap() error { return e.err }

// about names what an error is about; nil stays nil.
func about(path string, err error) error {
	if err == nil {
		return nil
	}
	return &aboutError{path, err}
}

// errSome is the end of a command of which some files failed; each was told.
var errSome = errors.New("some of the files failed; the same command goes on with them")

// exitCode is what a command of the client ends with.
func (e *clientError) exitCode() int {
	var usage *usageError
	switch {
	case errors.As(e.err, &usage):
		return exitUsage
	case errors.Is(e.err, context.Canceled):
		return exitInterrupted
	case errors.Is(e.err, errSome):
		return exitSome
	case client.Away(e.err):
		return exitAway
	}
	var refused *fault.Error
	if !errors.As(e.err, &refused) {
		return exitFailed
	}
	switch refused.Kind {
	case fault.Unauthenticated:
		return exitSignedOut
	case fault.NotFound:
		return exitNotFound
	case fault.Internal:
		return exitFailed
	}
	return exitRefused
}

// options are how this program asks a server.
func (a *atPrompt) options(patience time.Duration) client.Options {
	return client.Options{Patience: patience, Agent: "satchel/" + version()}
}

// askPatience is how long commands that move no files wait for a server that is away. Whoever typed them waits too.
const askPatience = 10 * time.Second

// sessionFile is where the sign-in is kept.
func (a *atPrompt) sessionFile() (client.SessionFile, error) {
	if path := cmp.Or(a.session, a.env("SESSION")); path != "" {
		return client.SessionFile{Path: path}, nil
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return client.SessionFile{}, usagef("there is no folder for settings (%w): say --session FILE", err)
	}
	return client.SessionFile{Path: filepath.Join(folder, "satchel", "session.json")}, nil
}

// connect is the server as whoever is signed in: by the environment, or else by the file.
func (a *atPrompt) connect(patience time.Duration) (*client.Client, error) {
	address, token, user := a.env("SERVER"), a.env("TOKEN"), a.env("USER")
	if token == "" && user == "" {
		file, err := a.sessionFile()
		if err != nil {
			return nil, err
		}
		return client.WithSession(file, a.options(patience))
	}
	if address == "" {
		return nil, usagef("%sSERVER is missing: the address that goes with %sTOKEN or %[1]sUSER", clientEnv, clientEnv)
	}
	server, err := a.parseServer(address)
	if err != nil {
		return nil, err
	}
	if token != "" {
		return client.WithToken(server, token, a.options(patience)), nil
	}
	password, err := a.envPassword()
	if err != nil {
		return nil, err
	}
	return client.WithPassword(server, user, password, a.options(patience)), nil
}

// envPassword is the password in the environment, or in the file that it names.
func (a *atPrompt) envPassword() (string, error) {
	if password := a.env("PASSWORD"); password != "" {
		return password, nil
	}
	file := a.env("PASSWORD_FILE")
	if file == "" {
		return "", usagef("%sPASSWORD or %[1]sPASSWORD_FILE is missing: the app password that goes with %[1]sUSER", clientEnv)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// with runs fn with the server, for a command that moves no files.
func (a *atPrompt) with(cmd *cobra.Command, fn func(ctx context.Context, c *client.Client) error) error {
	return a.patiently(cmd, askPatience, fn)
}

// patiently is with, for as much patience with a server that is away.
func (a *atPrompt) patiently(cmd *cobra.Command, patience time.Duration, fn func(ctx context.Context, c *client.Client) error) error {
	if patience < 0 {
		return usagef("--patience %s: want 0s or more", patience)
	}
	c, err := a.connect(patience)
	if err != nil {
		return err
	}
	defer c.Close()
	return fn(cmd.Context(), c)
}
