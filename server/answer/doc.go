// Package answer is the one place that turns an error into a status and a body.
//
// Handlers return errors ([Handler]); [Handle] writes them in the door's own
// spelling: [Error] as problem+json (RFC 9457) for the API, [Text] for tus,
// [DAV] as a D:error element (RFC 4918, section 16). [JSON] writes what went
// well. The H5 pages render their own error page with [Status] and fault.Public.
//
// Only what fault.Public answers leaves the server. Every error body repeats
// the request id, which finds the whole error in the log; the logger and the
// id travel in the request's context ([WithLog], [WithRequestID]).
package answer
