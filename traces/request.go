package traces

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Request is the span of a request. A nil one takes every call.
type Request struct{ span trace.Span }

// Answered is what came of a request.
type Answered struct {
	Route          string // the pattern of the address
	Status         int    // 0: there was none
	Received, Sent int64  // bytes of the bodies
	Cut            bool   // the connection was
}

// BeginRequest begins the span of a request. method and door are known words, id names the request in the log. trusted is that the
// header is a trusted proxy's.
func (t *Traces) BeginRequest(ctx context.Context, method, door, id string, header http.Header, trusted bool) (context.Context, *Request) {
	if t == nil {
		return ctx, nil
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("satchel.door", door), attribute.String("satchel.request_id", id))}
	theirs := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(header))
	if from := trace.SpanContextFromContext(theirs); from.IsValid() {
		if trusted {
			ctx = trace.ContextWithRemoteSpanContext(ctx, from)
		} else {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: from.WithTraceState(trace.TraceState{})})) // which is anything
		}
	}
	ctx, span := t.tracer.Start(ctx, method, options...)
	return context.WithValue(ctx, callsKey, &calls{}), &Request{span}
}

// TraceID is the trace's id, for the log; empty if nobody is told of it.
func (r *Request) TraceID() string {
	if r == nil || !r.span.IsRecording() {
		return ""
	}
	return r.span.SpanContext().TraceID().String()
}

// End ends the span.
func (r *Request) End(ctx context.Context, method string, a Answered) {
	if r == nil {
		return
	}
	defer r.span.End()
	if !r.span.IsRecording() {
		return
	}
	if _, path, ok := strings.Cut(a.Route, " "); ok { // net/http's patterns have a method
		a.Route = path
	}
	r.span.SetName(method + " " + a.Route)
	r.span.SetAttributes(attribute.String("http.route", a.Route), attribute.Int64("http.request.body.size", a.Received), attribute.Int64("http.response.body.size", a.Sent))
	if a.Status != 0 {
		r.span.SetAttributes(attribute.Int("http.response.status_code", a.Status))
	}
	if of, ok := ctx.Value(callsKey).(*calls); ok {
		of.tell(r.span)
	}
	if a.Cut || a.Status >= 500 {
		r.span.SetStatus(codes.Error, "")
	}
}
