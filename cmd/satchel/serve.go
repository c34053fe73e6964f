package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server"
	"github.com/satchelhq/satchel/server/origin"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the drives until SIGTERM or SIGINT",
		Long: `Serve the drives until SIGTERM or SIGINT.

The first signal lets running requests end for shutdown_grace; what an upload had
sent until then is kept. The second ends the process at once.

SIGHUP has the settings read again. Limits, expiries, who may register, and what else docs/settings.md
says changes with a reload, are taken up; the rest is told in the log, and holds after a restart.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), c, func() (*config.Config, error) { return p.settings(cmd) })
		},
	}
}

// serve runs the server with settings, and reads them again when it is asked to.
func (p *program) serve(ctx context.Context, c *config.Config, again func() (*config.Config, error)) (err error) {
	defer runtime.KeepAlive(reserveHeap(p.environ))
	level := &slog.LevelVar{}
	level.Set(c.LogLevel)
	log := newLog(p.stderr, c, level)
	told, err := openTraces(ctx, c, log)
	if err != nil {
		return err
	}
	defer closeTraces(told, log)
	metrics := &watching{Metrics: server.NewMetrics(), traced: told != nil}
	in, err := openRooms(ctx, c, log, metrics)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()

	look := pages.Options{}
	if c.OIDCIssuer == "" {
		look.Without = append(look.Without, pages.IdentitiesSection)
	}
	html, err := pages.New(look)
	if err != nil {
		return err
	}
	identity, err := openIdentity(c, in.db, log)
	if err != nil {
		return err
	}
	access, err := openAccessLog(c)
	if err != nil {
		return err
	}
	if access != nil {
		defer func() { err = errors.Join(err, access.Close()) }()
	}
	hang := &hangups{again: again, level: level, in: in, access: access, log: log, stdin: p.stdin}
	hang.c.Store(c)
	outside := origin.Origin{Public: c.PublicURL, Trusted: c.TrustedProxies}
	front, err := server.New(server.Options{
		Accounts: in.accounts, Drives: in.drives, Previews: in.previews, Events: in.events, Asks: c.AdmitWebhook != "", DB: in.db, BackupEvery: hang.backupEvery, Blobs: in.blobs, Pages: html, Metrics: metrics.Metrics, Traces: told, Log: log, AccessLog: accessLog(access, c), Version: version(),
		Origin: outside, HSTS: c.HSTS, Certificates: served(identity),
		CORSOrigins:   c.CORSOrigins,
		NoFinderQuota: !c.FinderQuota,
		DataSpace:     func(context.Context) (blob.Space, error) { return disk.SpaceOf(c.Data) },
	})
	if err != nil {
		return err
	}
	at, err := openListeners(ctx, c)
	if err != nil {
		return err
	}
	greet(p.stdout, c, at)
	log.Info("serving", "listen", at.public.Addr().String(), "tls", c.TLS(), "database", string(in.db.Engine()), "durability", c.Durability, "version", version())
	if c.CodeLog {
		log.Warn("code_log is on: codes that open accounts are written to this log. That is for development only")
	}
	return serveUntil(ctx, serving{c, log, outside, identity, front, at, jobs(in, identity, log), worker{in.turns, log, metrics.Metrics, told}, hang})
}

// serving is what runs until the end.
type serving struct {
	c        *config.Config
	log      *slog.Logger
	outside  origin.Origin
	identity identity // nil: plain HTTP
	front    *server.Server
	at       listeners
	jobs     []job
	worker   worker
	hangups  *hangups
}

// serveUntil serves until ctx ends or a listener fails, and then sees everything to its end: when it returns, no request
// and no job is running.
func serveUntil(ctx context.Context, s serving) error {
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	public := newHTTPServer(base, s.front.Public(), s.log)
	withHTTP2(public, s.identity, s.c.H2C)
	redirects := newRedirectServer(base, s.outside, s.identity, s.at.public, s.log)
	operators := newHTTPServer(base, s.front.Admin(), s.log)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serveListener(public, s.at.public) })
	if s.at.plain != nil {
		group.Go(func() error { return serveListener(redirects, s.at.plain) })
	}
	if s.at.admin != nil {
		group.Go(func() error { return serveListener(operators, s.at.admin) })
	}
	group.Go(func() error { return s.hangups.watch(ctx) })
	for _, j := range s.jobs {
		s.worker.metrics.ExpectJob(j.name)
		group.Go(func() error {
			s.worker.loop(s.worker.traces.Within(ctx), j)
			return nil
		})
	}
	group.Go(func() error {
		tellService(ctx, s.log)
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		s.log.Info("stopping", "grace", s.c.ShutdownGrace)
		stop(s.log, public, s.front, cut, s.c.ShutdownGrace)
		return errors.Join(redirects.Close(), operators.Close()) // last, so that the end can be watched
	})
	err := group.Wait()
	s.log.Info("stopped")
	return err
}

func serveListener(srv *http.Server, l net.Listener) error {
	serve := srv.Serve
	if srv.TLSConfig != nil {
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
