// Package preview makes what people see of a file before they open it: thumbnails of images, and Markdown as a page.
//
// Both read what strangers wrote, by decoders that cannot be interrupted. So they run in a process of their own: the program itself,
// started once more (workshop.go starts and ends it, serve.go is what runs in it, frame.go is how both speak). The system bounds its
// memory (limit_linux.go), it counts its own time, and if it dies the server is none the worse: there is no thumbnail then.
//
//	preview.go   asking for a thumbnail
//	stored.go    thumbnails on record, by drive and content; also that there is none
//	queue.go     images whose thumbnails are wanted: first those that somebody waits for, drives in turn
//	make.go      making them
//	missed.go    those that a process had to make and forgot
//	markdown.go  Markdown as HTML without anything that loads, runs or leads astray
//	kind.go      which files this is for
package preview
