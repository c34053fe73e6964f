// Package server is the house's front: it brings every request to its door, having
// found out who sends it, and tells the log and Prometheus what came of it.
//
// A request passes, from the outside in:
//
//	routes.go    which door it is for; all routes are there
//	exchange.go  one record of the request, for those below; body.go is the body that comes with it
//	requestid.go its id, which every error body repeats
//	observe.go   metrics and the log, once it has ended; accesslog.go is a log of its own
//	rescue.go    a panic becomes a 500
//	headers.go   headers that every answer has
//	cors.go      scripts of the origins in the settings may read the answer
//	crossing.go  writes that another site makes a browser send are refused
//	gate.go      credentials become an authn.Principal, before anything is read
//
// and then server/tus, server/dav, server/api or server/web. health.go answers
// /healthz and /readyz, admin.go is the listener for operators, metrics.go,
// blobmetrics.go, collect.go, tally.go and rooms.go hold what is counted.
package server
