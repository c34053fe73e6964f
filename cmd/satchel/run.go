package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // the command line or the settings cannot be followed

	exitDamaged = 8 // of fsck, scrub, backup, drill, restore and export: something is wrong with what is stored, and stays so
	exitSome    = 6 // of many files some failed: of export, import and the client

	// Of the commands of the client alone.
	exitSignedOut   = 3   // nobody is signed in, or not any more
	exitNotFound    = 4   // there is no such file, folder, link or upload
	exitRefused     = 5   // the server or this machine does not let it: a name is taken, no space, not allowed
	exitAway        = 7   // the server cannot be reached, or was busy or failed: later the same command goes on
	exitInterrupted = 130 // by a signal, as of other programs
)

// program is one run of satchel: what it was given by the system.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// run is the whole program. ctx ends when it is asked to stop.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	p := &program{stdin, stdout, stderr, environ}
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var atClient *clientError
	if errors.As(err, &atClient) {
		if !atClient.told() {
			fmt.Fprintf(stderr, "satchel: %s\n", atClient)
		}
		return atClient.exitCode()
	}
	fmt.Fprintf(stderr, "satchel: %s\n", explain(err))
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	var wrong *wrongError
	if errors.As(err, &wrong) {
		return exitDamaged
	}
	if errors.Is(err, errStayed) {
		return exitSome
	}
	return exitFailed
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "satchel",
		Short:         "A storage server: uploads that resume, a drive to mount, pages to look at it",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(&cobra.Group{ID: groupServer, Title: "Running a server:"}, &cobra.Group{ID: groupClient, Title: "Using one:"})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w (%s --help tells more)", err, cmd.CommandPath())}
	})
	for _, f := range config.Flags() {
		root.PersistentFlags().String(f.Name, f.Default, f.Usage)
	}
	ofServer := []*cobra.Command{
		p.serveCommand(), p.userCommand(), p.inviteCommand(), p.keysCommand(), p.auditCommand(), p.eventsCommand(), p.migrateCommand(), p.migrateDBCommand(), p.migrateBlobsCommand(), p.backupCommand(), p.restoreCommand(), p.drillCommand(), p.exportCommand(), p.importCommand(), p.gcCommand(), p.fsckCommand(), p.scrubCommand(),
		p.healthcheckCommand(), p.doctorCommand(), p.configCommand(), p.workshopCommand(),
	}
	for _, cmd := range ofServer {
		cmd.GroupID = groupServer
	}
	root.AddCommand(ofServer...)
	root.AddCommand(p.clientCommands()...)
	root.AddCommand(p.versionCommand())
	return root
}

// settings loads the settings for a command.
func (p *program) settings(cmd *cobra.Command) (*config.Config, error) {
	given := map[string]string{}
	for _, f := range config.Flags() {
		if flag := cmd.Flags().Lookup(f.Name); flag != nil && flag.Changed {
			given[f.Key] = flag.Value.String()
		}
	}
	c, err := config.Load(config.Sources{Flags: given, Environ: p.environ})
	if err != nil {
		return nil, &usageError{err}
	}
	if _, err := rules(c); err != nil {
		return nil, &usageError{err}
	}
	if _, _, err := senders(c, nil); err != nil {
		return nil, &usageError{err}
	}
	if err := receiver(c); err != nil {
		return nil, &usageError{err}
	}
	if _, err := providers(c, nil); err != nil {
		return nil, &usageError{err}
	}
	return c, nil
}

// rules are the settings' rules for files.
func rules(c *config.Config) (*hooks.Rules, error) {
	return hooks.NewRules(c.DenyNames, c.AllowTypes)
}

// usageError is an error of whoever typed the command or wrote the settings.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// wrongError is what is wrong with what is stored, and not with the command.
type wrongError struct{ says string }

func (e *wrongError) Error() string { return e.says }

func wrongf(format string, args ...any) error { return &wrongError{fmt.Sprintf(format, args...)} }

// usageArgs makes the errors of a check of arguments usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w (%s --help tells more)", err, cmd.CommandPath())}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: use, Short: short,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	g.AddCommand(commands...)
	return g
}

// explain is an error as whoever runs the command reads it: a rule's own sentence where a rule
// refused, everything that is known where something failed.
func explain(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Kind == fault.Internal || refused.Kind == fault.Busy {
		return err.Error()
	}
	_, sentence, fields := fault.Public(err)
	var b strings.Builder
	b.WriteString(sentence)
	for _, f := range fields {
		fmt.Fprintf(&b, "\n  %s: %s", f.Name, f.Message)
	}
	return b.String()
}
