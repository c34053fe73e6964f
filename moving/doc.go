// Package moving takes drives to plain folders and plain folders to drives, for whoever runs the server: beside it, by drive's own rules, so that
// quota, names, locks, changes and events are what they are for anybody else who writes.
//
//   - out.go        a drive goes to a folder here; settle.go writes one file of it
//   - in.go         a folder here goes to a drive; store.go takes one file, source.go reads it
//   - pieces.go     files without a place of their own, which take the next free name
//   - household.go  accounts of another server, with what they have
//   - manifest.go   what an export holds, beside its folder
//   - place.go      a folder here that no symbolic link leads to
//   - sum.go        what became of all of it
//
// What other servers keep is read by moving/tusd, moving/filebrowser and moving/sftpgo.
//
// # Nothing is believed
//
// A file is compared three times on its way in: the bytes that were read have the hash of the manifest, if there is one; the drive has their hash; and what
// the store gives back has it. If the file changes while it is read, nothing is stored. On its way out, what was written has the hash on record, or does not
// get its name.
//
// # Stopping and going on
//
// Nothing is remembered between runs. A file is there when all of it is, on either side, and what is there and the same is left alone; so the
// same command goes on after it was stopped or killed.
package moving
