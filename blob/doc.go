// Package blob says where content lives: the contract that every store of bytes keeps.
//
// A stage is content that is still being written and that nobody can open. A
// blob is sealed content, immutable from then on. Both are named by a [Key]
// that the caller picks (a random id, never a name that a client chose), and a
// stage keeps its key when it is sealed.
//
// A store knows nothing of users, names or hashes; what the bytes mean is
// written in rows by package drive. Implementations: blob/disk, blob/s3, blob/mem. The
// contract's tests are in blob/blobtest and run against each of them. [Observed] tells of
// every call to one.
package blob
