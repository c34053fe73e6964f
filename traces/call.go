package traces

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// maxCalls bounds the spans below one request or job: a listing reads as often as a folder is long.
const maxCalls = 256

// calls counts them.
type calls struct{ n atomic.Int64 }

func (c *calls) more() bool { return c.n.Add(1) <= maxCalls }

// tell says at the span above how many have none of their own.
func (c *calls) tell(span trace.Span) {
	if left := c.n.Load() - maxCalls; left > 0 {
		span.SetAttributes(attribute.Int64("satchel.calls_left_out", left))
	}
}

// Called tells of something that has ended just now, within a request or job. name is a known word.
func Called(ctx context.Context, name string, began time.Time, failed bool) {
	above := trace.SpanFromContext(ctx)
	if !above.IsRecording() {
		return
	}
	if of, ok := ctx.Value(callsKey).(*calls); !ok || !of.more() {
		return
	}
	_, span := above.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// Job begins the span of a run of a job; end ends it.
func (t *Traces) Job(ctx context.Context, name string) (_ context.Context, end func(failed bool)) {
	if t == nil {
		return ctx, func(bool) {}
	}
	of := &calls{}
	ctx, span := t.tracer.Start(context.WithValue(ctx, callsKey, of), "job "+name)
	return ctx, func(failed bool) {
		of.tell(span)
		if failed {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
