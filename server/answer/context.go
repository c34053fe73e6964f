package answer

import (
	"context"
	"log/slog"
)

type contextKey int

const (
	requestIDKey contextKey = iota
	logKey
)

// WithRequestID puts the id of a request into its context. Every error body repeats it.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey, id)
}

// RequestID is the id that WithRequestID put there; empty if none was.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// WithLog puts the logger of a request into its context.
func WithLog(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, logKey, log)
}

// Log is the logger that WithLog put there; slog.Default if none was.
func Log(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(logKey).(*slog.Logger); ok {
		return log
	}
	return slog.Default()
}
