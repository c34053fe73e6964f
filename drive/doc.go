// Package drive holds the rules of a user's drive, each with its own SQL.
//
// A drive is a tree of nodes with a quota. Every file's content is a blob,
// known by its SHA-256 and size and shared by all nodes and versions that hold
// it. Content arrives by two ways and becomes a node by one:
//
//	put.go      a whole body: WebDAV PUT, form POST       ┐
//	patch.go    a part of a file, put into its content    │
//	upload.go   a resumable upload: begin, look, drop     │
//	append.go   bytes of an upload, from its offset on    ├─▶ commit.go
//	finish.go   full uploads                              │
//	join.go     uploads that join parts (part.go)         │
//	chunked.go  chunks of an upload (chunk.go), together  │
//	lookup.go   content that is here already (proof.go)   ┘
//
// ask.go asks the outside before any of it begins.
//
// transfer.go shows the uploads of all drives to whoever runs the server, and
// totals.go what they hold.
//
// One request at a time writes to an upload: hold.go, and lease.go between
// processes. What else happens to a tree is in a file of its own: list.go,
// listing.go (folders of any size), folder.go, move.go, copy.go, trash.go,
// version.go, lock.go, property.go.
// Every transaction that changes a drive takes the drive's row first
// (change.go), which puts changes to one drive in order and numbers them;
// resolve.go follows paths and ids. What was read of a node is remembered until
// anything is committed, and small content in smallcontent.go.
//
// What clients compare content by, beside its SHA-256, is in checksum.go; wish.go
// computes it in the background.
//
// What changed in a folder since a point is in sync.go: history.go reads the
// changes, delta.go says which paths came and went, descend.go walks down what
// came with all below it.
//
// A drive goes back to a moment by rewind.go: past.go works out by the changes
// what there was, held.go finds content, rewindplan.go says what goes where, and
// putback.go does it.
//
// Names and paths are in path.go; sweep.go, gc.go and check.go keep the house, and
// moveblobs.go moves it to another store. scrub.go reads all content again,
// damage.go tells what is not what it was, and mend.go gives what holds it fresh
// content. repair.go puts right what check.go finds, by recount.go where it is rows;
// rotten.go is what a backup with damaged content brings, confirm.go what one
// lacks. installation.go says
// which installation a database is of.
package drive
