package tus

import (
	"context"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// mapped is err as the handler answers it: any other error it would show to the client with its whole text.
func (d *Door) mapped(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	status := answer.Status(err)
	if status >= 500 && fault.KindOf(err) == fault.Internal {
		d.log.Error("upload", "error", err, "request_id", answer.RequestID(ctx))
	}
	code, sentence, _ := fault.Public(err)
	if id := answer.RequestID(ctx); id != "" {
		sentence += " (request " + id + ")"
	}
	return handler.NewError(code, sentence, status)
}
