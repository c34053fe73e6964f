package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/logfile"
)

// admitting are the rules for files that are in force now.
type admitting struct{ rules atomic.Pointer[hooks.Rules] }

// Admit is drive.Options.Admit.
func (a *admitting) Admit(p drive.Proposal) error { return a.rules.Load().Admit(p) }

// take puts the settings' rules into force.
func (a *admitting) take(c *config.Config) error {
	r, err := rules(c)
	if err == nil {
		a.rules.Store(r)
	}
	return err
}

// take puts what rooms in use can take up of the settings into force: what is live in the table of package config.
func (r *rooms) take(c *config.Config) error {
	if err := r.opens(c); err != nil {
		return err
	}
	if err := r.admits.take(c); err != nil {
		return err
	}
	r.drives.Adjust(driveOptions(c, r.admits, nil, nil))
	r.accounts.Adjust(authn.Options{Registration: c.Registration, AuditExpiry: c.AuditExpiry})
	return nil
}

// opens is an error for settings that let more people in by rules which come with a restart only: until then newcomers would prove less than the settings say.
func (r *rooms) opens(c *config.Config) error {
	from := []string{config.RegistrationClosed, config.RegistrationInvite, config.RegistrationOpen}
	wider := slices.Index(from, c.Registration) > slices.Index(from, r.accounts.Newcomers().Registration)
	if wider && (c.Verify != r.began.Verify || c.OIDCRegistration != r.began.OIDCRegistration) {
		return fmt.Errorf("registration = %q: verify or oidc_registration was changed as well, which needs a restart: restart the server", c.Registration)
	}
	return nil
}

// hangups is what a SIGHUP does to a running server.
type hangups struct {
	c      atomic.Pointer[config.Config]  // in force, or as it was told that it will be after a restart
	again  func() (*config.Config, error) // reads the settings
	level  *slog.LevelVar
	in     *rooms
	access *logfile.File // nil: there is none
	log    *slog.Logger
	stdin  any
}

// errTerminalClosed is the end of a server that ran in a window which is gone: that is told by SIGHUP, too.
var errTerminalClosed = errors.New("the terminal was closed")

// backupEvery is for server.Options.
func (h *hangups) backupEvery() time.Duration { return h.c.Load().BackupEvery }

// watch does it until ctx ends.
func (h *hangups) watch(ctx context.Context) error {
	inWindow := isTerminal(h.stdin)
	came := make(chan os.Signal, 1)
	signal.Notify(came, syscall.SIGHUP)
	defer signal.Stop(came)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-came:
			if inWindow && !isTerminal(h.stdin) {
				return errTerminalClosed
			}
			h.reopen()
			h.reload()
		}
	}
}

// reopen takes the file that has the access log's name now, as logrotate wants it.
func (h *hangups) reopen() {
	if h.access == nil {
		return
	}
	if err := h.access.Reopen(); err != nil {
		h.log.Error("the access log was not opened again", "err", err)
		return
	}
	h.log.Info("the access log was opened again", "path", h.access.Name())
}

// reload reads the settings, takes up what can be, and tells what needs a restart. Settings that are wrong change nothing.
func (h *hangups) reload() {
	next, err := h.again()
	if err == nil && h.c.Load().ByFile() && !next.ByFile() { // as while it is written, or where the disk was full; all defaults would let anybody in
		err = errors.New("the settings file says nothing any more: is it whole? Restart the server if that is meant")
	}
	if err == nil {
		err = h.in.take(next)
	}
	if err != nil {
		h.log.Error("the settings were read again, and none was taken up", "err", err)
		return
	}
	live, restart := h.c.Swap(next).Changes(next)
	h.level.Set(min(h.level.Level(), next.LogLevel)) // so that this is told by the old level and by the new one
	if len(restart) > 0 {
		h.log.Warn("settings were changed that need a restart", "settings", strings.Join(restart, ", "))
	}
	h.log.Info("the settings were read again", "taken_up", strings.Join(live, ", "))
	h.level.Set(next.LogLevel)
}
