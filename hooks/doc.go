// Package hooks is where the outside has a say: what is asked before there is
// a file ([Rules]) and what is told after a drive changed ([Feed], [Sink]).
package hooks
