// Package tus is the door for resumable uploads at /files/: tus 1.0.0
// (tus.io/protocols/resumable-upload) with all of its extensions.
//
// The protocol is spoken by tusd's handler; what it stores and who may write
// when are ours:
//
//   - tus.go       what is checked before the handler is asked: who, whose, version, types
//   - store.go     the handler's DataStore over package drive
//   - locker.go    its Locker over drive's holds
//   - metadata.go  Upload-Metadata becomes a target in the drive
//   - checksum.go  a body that verifies itself, by header or trailer
//   - folder.go    uploads that begin at a folder's address, for the WebDAV door
//   - box.go       uploads into a drop box, by its link
//   - joined.go    final uploads, beside the handler: it wants their parts complete
//   - errors.go    kinds of error become the handler's
//   - reply.go     headers that the handler gets wrong
//
// The IETF draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload) is
// spoken on the same uploads, by a handler of our own for all its versions from
// interop 3 to 8: tusd's knows 3 to 6, takes a body that broke off for one that
// ended, and completes an upload by its length alone.
//
//   - draft.go         which requests speak it, in which version, and what differs between versions
//   - draftcreate.go   a request that begins an upload: POST or PUT, with all of it or a part
//   - draftappend.go   PATCH, and what both do with the body
//   - drafthead.go     HEAD and DELETE
//   - draftbody.go     a body that knows its end, and can be stopped
//   - draftfield.go    structured fields (RFC 9651)
//   - draftproblem.go  errors as the draft's problem types
//
// By the draft an upload is complete when a request with Upload-Complete: ?1 came to
// its end, and by tus with the last byte of its length. So the drive is told of a
// length that a request announces, but does not bring, as of one that is not known
// (drive.AnnouncedLength): its space is set aside, clients of tus see a deferred
// length, and reaching it completes nothing. Once a request said that its body is
// the whole of a known length, the last byte of that length completes the upload,
// whatever request brings it.
//
// An upload is its owner's alone: for anyone else it is not found, on every
// method, before any lock is taken. The last byte makes the file: completing is
// part of drive.Append, not of the handler's FinishUpload, which is never
// called again after a crash.
package tus
