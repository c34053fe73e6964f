package tus

import (
	"context"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
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
	if no, ok := hooks.Rejected(err); ok && no.Body != "" {
		said := handler.NewError("upload_rejected", "", status)
		said.HTTPResponse.Body, said.HTTPResponse.Header = no.Body, handler.HTTPHeader{"Content-Type": no.ContentType, "X-Content-Type-Options": "nosniff"}
		return wait(said, err)
	}
	code, sentence, _ := fault.Public(err)
	if id := answer.RequestID(ctx); id != "" {
		sentence += " (request " + id + ")"
	}
	return wait(handler.NewError(code, sentence, status), err)
}

// wait says when it is worth trying again, and whatever else a receiver's no says besides.
func wait(said handler.Error, err error) error {
	header := http.Header{}
	if no, ok := hooks.Rejected(err); ok {
		header.Set(hooks.RejectionHeader, "1")
		for name, value := range no.Header {
			header.Set(name, value)
		}
	}
	answer.RetryAfter(header, err)
	for name := range header {
		said.HTTPResponse.Header[name] = header.Get(name)
	}
	return said
}
