// Command satchel is the storage server, what those who run it need beside, and a client for those who use one.
//
// This package turns flags into settings, wires the rooms to each other and chooses the exit
// code: 0 is done, 1 is failed, 2 is a command line or settings that cannot be followed, 8 is that
// something is wrong with what is stored. What the program does is in the packages that it wires.
//
//   - run.go      the command tree, errors, exit codes
//   - rooms.go    opening the database, the blobs, the accounts and the drives
//   - belongs.go  whether a folder or bucket of content is the installation's; originals.go: backups to take content from
//   - serve.go    the server; listen.go, jobs.go, stop.go and log.go are its parts
//   - reload.go   what a SIGHUP does: settings that a running server takes up, the access log's new file
//   - workshop.go decoding what strangers sent, in a process of its own (package preview)
//   - atprompt.go the commands of who uses a server (package client): signing in, errors, exit codes
//   - mover.go    files of put and get, some at once; mirror.go: what is there and not here; display.go and bars.go are what is seen of it
//   - moving.go   what export.go and import.go tell (package moving)
//   - one file for each other command
package main
