// Package tracestest is a collector of traces for tests: it takes OTLP over HTTP as real ones do, and remembers.
package tracestest
