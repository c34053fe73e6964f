// Package tus is the door for resumable uploads at /files/: tus 1.0.0
// (tus.io/protocols/resumable-upload) with the extensions creation,
// creation-with-upload, creation-defer-length, termination and concatenation.
//
// The protocol is spoken by tusd's handler; what it stores and who may write
// when are ours:
//
//   - tus.go       what is checked before the handler is asked: who, whose, version, types
//   - store.go     the handler's DataStore over package drive
//   - locker.go    its Locker over drive's holds
//   - metadata.go  Upload-Metadata becomes a target in the drive
//   - errors.go    kinds of error become the handler's
//   - reply.go     headers that the handler gets wrong
//
// An upload is its owner's alone: for anyone else it is not found, on every
// method, before any lock is taken. The last byte makes the file: completing is
// part of drive.Append, not of the handler's FinishUpload, which is never
// called again after a crash.
package tus
