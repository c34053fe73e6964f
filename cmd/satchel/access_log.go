package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/logfile"
	"github.com/satchelhq/satchel/server"
)

// openAccessLog opens the file of the settings; nil if there is to be none.
func openAccessLog(c *config.Config) (*logfile.File, error) {
	if c.AccessLog == "" {
		return nil, nil
	}
	file, err := logfile.Open(c.AccessLog, logfile.Options{MaxSize: c.AccessLogSize, Keep: c.AccessLogKeep})
	if err != nil {
		return nil, fmt.Errorf("access_log: %w", err)
	}
	return file, nil
}

// accessLog is what the server writes to it.
func accessLog(file *logfile.File, c *config.Config) *server.AccessLog {
	if file == nil {
		return nil
	}
	return &server.AccessLog{Out: file, Combined: c.AccessLogFormat == config.AccessCombined}
}

// reopenOnHangup has a SIGHUP take the file that has the access log's name now, as logrotate wants it, until ctx ends.
func reopenOnHangup(ctx context.Context, file *logfile.File, log *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := file.Reopen(); err != nil {
				log.Error("the access log was not opened again", "err", err)
				continue
			}
			log.Info("the access log was opened again", "path", file.Name())
		}
	}
}
