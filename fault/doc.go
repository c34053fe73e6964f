// Package fault names the kinds of error that Satchel's rules answer with.
//
// Every floor above returns a [*Error] for what a caller can do something
// about; anything else counts as [Internal]. Only Error.Public, Error.Code and
// Error.Fields ever leave the server: Op, Path and Err are for the log.
// The one place that turns a kind into a status is package server/answer.
package fault
