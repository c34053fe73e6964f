package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// givenListeners are the sockets that systemd opened for us (sd_listen_fds(3)), by FileDescriptorName, which is a setting's key. Without
// systemd there are none.
func givenListeners() (map[string]net.Listener, error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("sockets from systemd: %w", err)
	}
	given := map[string]net.Listener{}
	for name, all := range named {
		switch name {
		case "listen", "http_listen", "admin_listen":
		default:
			return nil, fmt.Errorf("a socket from systemd is called %q: want FileDescriptorName=listen, http_listen or admin_listen", name)
		}
		if len(all) != 1 || all[0] == nil {
			return nil, fmt.Errorf("sockets from systemd for %s: want one, of ListenStream=HOST:PORT", name)
		}
		given[name] = all[0]
	}
	return given, nil
}

// tellService tells systemd, if it wants to know (sd_notify(3)), that the server is ready, then that it lives, as often as it asks for that
// (WatchdogSec=), and when ctx ends that it is stopping.
func tellService(ctx context.Context, log *slog.Logger) {
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn("systemd was not told", "state", state, "err", err)
		}
	}
	tell(daemon.SdNotifyReady)
	defer tell(daemon.SdNotifyStopping)
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog's time cannot be read", "err", err)
	}
	if every <= 0 {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		tell(daemon.SdNotifyWatchdog)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
