package main

import "github.com/spf13/cobra"

func (p *program) userCommand() *cobra.Command {
	return group("user", "Accounts",
		p.userAddCommand(), p.userListCommand(), p.userPasswdCommand(), p.userResetFactorCommand(),
		p.userDisableCommand(), p.userEnableCommand(), p.userAppPasswordCommand(), p.userDeleteCommand())
}

// loginArg is what the commands about one account take.
const loginArg = "USERNAME|EMAIL|PHONE"
