package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/satchelhq/satchel/config"
)

// newLog writes lines of the settings' form, from level on, to w.
func newLog(w io.Writer, c *config.Config, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == config.LogText || (c.LogFormat == config.LogAuto && isTerminal(w)) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = seconds
	return slog.New(slog.NewJSONHandler(w, options))
}

// seconds writes times as numbers of seconds, as Prometheus counts them; slog's own are nanoseconds.
func seconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}

// commandLog is for commands that end by themselves: what they did they say on the output, so that only warnings are logged.
func (p *program) commandLog(c *config.Config) *slog.Logger {
	return newLog(p.stderr, c, max(c.LogLevel, slog.LevelWarn))
}

// isTerminal reports whether a stream of the program is a terminal with a person at it.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
