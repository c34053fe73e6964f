package main

import (
	"fmt"

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
