// Package crowd fills a Postgres database with the rows of many accounts and their drives, for measuring and for plans: a million files take
// minutes this way, and hours by the front door. What it writes is what the rules would have written: TestCrowd has them check it and work with it.
//
//   - fill.go     how many there are, and the order in which they come
//   - account.go  a user with sessions, app passwords, a history and so on
//   - drive.go    a drive: folders, files, versions, trash, changes, shares, uploads
//   - streams.go  a COPY for each table
//   - id.go       ids as the program makes them, of any moment
//
// Not there: content above 64 KiB, which would be files of the blob store, and previews. All accounts have one password.
package crowd
