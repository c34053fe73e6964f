// Package s3 keeps blobs in a bucket of an S3-compatible store, and what it knows of them in rows.
//
// The rows say what there is: for each key a [Record], kept by a [Ledger] (blob/s3/ledger is the one in SQL). A record names the
// objects and the parts that hold the content, in order and without gaps, so the offset is what the rows say and never what a listing
// guesses. Objects have names of their own and are never written over; a record is saved only if nobody else saved it since, and
// resuming a stage raises its epoch, so that a process that lost a stage can neither write a row nor harm what is on record.
//
//		content = body, then tail
//		body    = an object (of which the first Size bytes count), or parts of a multipart upload
//		tail    = what is less than a part, an object of its own
//
//	  - record.go   what is on record, and the contract of the ledger
//	  - store.go    the store · requests.go every request to S3 and what its errors mean · observe.go what came of each try
//	  - stage.go    writing: a part is recorded before the tail that it replaces is removed
//	  - append.go   joining by UploadPartCopy · seal.go completing an upload · cut.go dropping the end
//	  - read.go     ranges, in windows that grow · part.go the bytes of the part that is being filled
//	  - sweep.go    objects and uploads that no record names · objects.go those of a bucket without records
//
// The parts of an unfinished multipart upload cannot be read. Where a stage has to be read, or cut within a part, its parts are
// completed into an object first ("settled"); if the stage goes on, the store copies that object into a new upload.
//
// Memory: a stream holds one part, 8 MiB up to 8 GiB of content. Parts grow from there on, so that 5 TiB fit in 10,000 parts; parts
// of more than 16 MiB wait in an unlinked temporary file. No stream waits for another's client: nothing is shared but connections.
//
// A blob that is removed while somebody reads it breaks off, unlike on disk. Every part, tail and small blob is sent with its MD5,
// which the store checks; the ETags of parts are on record and sent again when they are completed.
package s3
