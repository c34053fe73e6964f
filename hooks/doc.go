// Package hooks is where the outside has a say: what is asked before there is a
// file, and what is told after a drive changed.
//
//   - rules.go    the settings' rules for names and types
//   - admission.go  the operator's receiver is asked before content is taken ([Admission]),
//     about a request (request.go), in turn (askturns.go); its no is rejection.go's
//   - feed.go     who in this process is told of changes ([Feed], [Sink])
//   - events.go   events, which package drive writes with each change
//   - payload.go  what the operator's receiver gets of one
//   - deliver.go  how they get there: in order a drive, again and again, by one process at a time
//   - letters.go  what waits and what was given up, to be looked at and sent again
package hooks
