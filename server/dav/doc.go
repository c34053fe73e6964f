// Package dav is the WebDAV door (RFC 4918, class 1, 2 and 3): the caller's own drive as a tree of
// resources below one prefix, for Finder, Explorer, GNOME, davfs2, rclone, Office and whoever speaks it.
//
// [New] gives the handler; one file holds one method:
//
//	options.go  get.go  put.go  patch.go  post.go  delete.go  copymove.go  mkcol.go  propfind.go  proppatch.go  lock.go
//
// What the methods share:
//
//	dav.go           the way of a request: who asks, for which path, which method
//	mount.go         the addresses under which a drive is found, those of ownCloud and Nextcloud too
//	href.go          URL paths to drive paths, and back as the client spelled them
//	ifheader.go      the If header: lists, tags, Not, entity tags, state tokens
//	conditions.go    If-Match and its relatives (RFC 9110, section 13), and what a drive.Guard is made of
//	destination.go   depth.go   timeout.go   one header each
//	xmlread.go       request bodies: bounded, without DTDs, every prefix declared
//	requests.go      what the bodies say: propfind, propertyupdate, lockinfo
//	listing.go       the properties of nodes, as a 207 answer
//	liveproperty.go  the properties that the server knows by itself
//	coverage.go      which locks cover what is listed
//	multistatus.go   207 answers, streamed
//	date.go          dates, without the detour of a layout
//	errors.go        where WebDAV spells an error in its own way
//	client.go        which kind of client asks, for metrics and for the few that are answered in their own way
//	above.go         stub collections above the prefix, for Explorer
//	owncloud.go      checksums, and the properties of ownCloud
//	chunked.go       uploads in chunks, as Nextcloud takes them
//
// # Why not golang.org/x/net/webdav
//
// Its types are used where they are right (Property, Propstat, StatusText and the status codes). Its
// Handler is not: it sits on a file-by-file FileSystem that cannot say "all of this or nothing". There, a PUT
// truncates before the body has come, COPY and MOVE remove the target before they look at the source,
// preconditions are not read, a tagged If header moves the path that is checked, and a listing opens
// every child several times. Here each method is one call of package drive, which is one transaction, and
// conditions are looked at inside it.
//
// Nothing is destroyed by a request that is refused. No answer is a redirect.
package dav
