// Package traces tells an OpenTelemetry collector (OTLP over HTTP) what requests and jobs spent their time on.
//
// A span has the address's pattern and never the address, and of an error that there was one and not its text: no names, ids or tokens
// leave the house. What a request does below (transactions, operations of the blob store, requests to S3) becomes spans by [Called], after it
// has ended, so that whoever does it need not know of traces. Webhooks are sent with the trace they belong to ([Send]).
//
// The trace of a request is a trusted proxy's if it sent one (W3C Trace Context). A stranger's is only linked to: it decides neither what is
// sampled nor what belongs together. So a trusted proxy that has no traces of its own must not pass a traceparent on.
//
// Where there is no [Traces], nothing here does more than look into a context.
package traces
