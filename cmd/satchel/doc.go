// Command satchel is the storage server and what those who run it need beside.
//
// This package turns flags into settings, wires the rooms to each other and chooses the exit
// code: 0 is done, 1 is failed, 2 is a command line or settings that cannot be followed. What the
// program does is in the packages that it wires.
//
//   - run.go      the command tree, errors, exit codes
//   - rooms.go    opening the database, the blobs, the accounts and the drives
//   - serve.go    the server; listen.go, jobs.go, stop.go and log.go are its parts
//   - workshop.go decoding what strangers sent, in a process of its own (package preview)
//   - one file for each other command
package main
