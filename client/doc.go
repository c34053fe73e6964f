// Package client is Satchel from the other side: what the commands at a prompt (satchel put and its kin) do, over HTTP only. It
// knows the API as /api/v1/openapi.json describes it, tus and WebDAV, and nothing of the server's rooms.
//
//   - client.go    one server and whoever asks it; request.go one request, its answer, and what a refusal means
//   - patience.go  trying again: back-off, Retry-After, and when to give up
//   - session.go   a sign-in in a file, shared by processes; credentials.go what goes along with a request
//   - account.go   registering, signing in and out
//   - node.go      what is on the drive; change.go changes it; share.go links; upload.go uploads under way
//   - put.go       a file up; digest.go its hashes; send.go its bytes, through breaks; tus.go the protocol
//   - pour.go      an input of unknown length up; input.go reads it
//   - get.go       a file down
//   - localtree.go files and folders here, to be sent; remotetree.go those there, to be fetched
//
// The tus client is our own: those for Go that there are do not resume by what the server knows of the content, or take a token
// that expires for a refusal. It speaks creation, core and termination, with the extension checksum.
//
// # How a file goes up
//
// The file is hashed first, as a whole and in blocks of 8 MiB. By the whole hash the server says whether it has the content already,
// or an upload of it that was begun, on this machine or another. Each block is held against its hash when it is read again to
// be sent, so whatever is done to the file meanwhile, an upload only ever gets bytes of the content that it was begun for; if the file
// has changed, it begins anew. Every request with bytes carries their SHA-256, and the server takes all of it or nothing.
//
// # How a file comes down
//
// Into a file beside its place, whose name says which content it is to get; that is what a later run goes on with. It takes its
// name when its SHA-256 is the one on record. Names that a server tells are kept to the folder by os.Root.
package client
