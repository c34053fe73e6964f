package traces

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options are what Open needs.
type Options struct {
	// Collector is the URL that takes OTLP over HTTP; /v1/traces is added. Headers that it wants, credentials among them, are in
	// OTEL_EXPORTER_OTLP_HEADERS.
	Collector string
	// Sampled is the share of traces that begin here which are told, 0 to 1. Of a proxy's trace the proxy decides.
	Sampled float64
	Version string
	Log     *slog.Logger
}

// Traces is an open way to a collector. A nil one tells nothing. It is safe for use by many goroutines.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

const (
	scope       = "github.com/satchelhq/satchel"
	sendWait    = 10 * time.Second // for one batch
	errorRepeat = time.Minute      // how often the log tells that spans are lost
)

// Open begins to tell. It does not ask whether the collector is there: what cannot be sent is lost, and the log tells so now and then.
func Open(ctx context.Context, o Options) (*Traces, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.Collector, "/")+"/v1/traces"),
		otlptracehttp.WithTimeout(sendWait), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	who, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "satchel"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES tell nodes apart
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	var mu sync.Mutex
	var told time.Time
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { // the library knows no other place for them
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(told) >= errorRepeat {
			told = now
			o.Log.Warn("spans were not sent", "err", err)
		}
	}))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(who), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Sampled))))
	return &Traces{provider, provider.Tracer(scope)}, nil
}

// Close sends what waits, until ctx ends.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

type contextKey int

const (
	tracesKey contextKey = iota
	callsKey
)

// Within is a context in which webhooks that no request sends have traces of their own.
func (t *Traces) Within(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, tracesKey, t)
}
