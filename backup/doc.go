// Package backup makes copies of an installation that another one can be made of, and keeps them at a [Place]: a folder, or a bucket.
//
// A backup is the rows of one moment, in a SQLite file whatever the installation has, and the content that they name, in a store that all
// backups of a place share: content never changes, so what an earlier backup has is not copied again. Its manifest is written last and
// says what all of it was; what has none is no backup.
//
//		rows/TIME.db        the rows
//		rows/TIME.contents  the keys of the content that they name, a line each
//		rows/TIME.json      the manifest
//		content/            the content
//
//	  - place.go     what a place has to do, and which backups it has · folder.go  bucket.go  the places
//	  - manifest.go  what is known of a backup
//	  - make.go      making one · lack.go  content that is damaged or gone · forget.go  removing old ones, and the content that only they had
//
// In a bucket no rows say what there is, so its objects are listed when it is opened, into a scratch database. Memory does not grow with
// what there is, but for 8 bytes for each content while old backups are removed.
package backup
