package sender

import (
	"context"
	"log/slog"

	"github.com/satchelhq/satchel/authn"
)

// Log writes messages to the log, codes and all, for who develops an app and has no mailbox at hand. Whoever reads the log can take over every account.
type Log struct {
	To *slog.Logger
}

// Send writes a line.
func (l Log) Send(ctx context.Context, m authn.Message) error {
	l.To.LogAttrs(ctx, slog.LevelWarn, "message for development, not sent", slog.String("to", m.To), slog.String("purpose", m.Purpose),
		slog.String("code", m.Code), slog.String("subject", m.Subject), slog.String("text", m.Text))
	return nil
}
