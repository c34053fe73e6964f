package traces

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Send does a request of ours to somebody else's server, whose header names the trace that it belongs to: that of r's context, or a
// new one Within. name is a known word; the address, which may hold secrets, is not told.
func Send(client *http.Client, name string, r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	t, _ := ctx.Value(tracesKey).(*Traces)
	above := trace.SpanFromContext(ctx)
	var tracer trace.Tracer
	switch {
	case above.SpanContext().IsValid():
		tracer = above.TracerProvider().Tracer(scope)
	case t != nil:
		tracer = t.tracer
	default:
		return client.Do(r)
	}
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	defer span.End()
	r = r.WithContext(ctx)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	answer, err := client.Do(r)
	if err != nil {
		span.SetStatus(codes.Error, "")
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", answer.StatusCode))
	if answer.StatusCode >= 400 {
		span.SetStatus(codes.Error, "")
	}
	return answer, nil
}
