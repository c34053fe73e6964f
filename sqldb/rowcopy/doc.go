// Package rowcopy moves a whole installation's rows from one database to another, of the same engine or the other.
//
// It knows no table by name: what there is to copy, and of what type, is what the schema says, which has to be the same on both
// sides. Rows are read and written in the order of their primary keys, which both engines have alike, as text sorts by its bytes.
//
//   - copy.go    the whole: table after table, each compared afterwards
//   - target.go  what marks a database that is being filled, so that nobody serves it, and what it lacks meanwhile
//   - source.go  that nobody writes to what is read
//   - schema.go  the tables, columns and keys of a database
//   - row.go     a row apart from the engine, and the digest of many
//   - batch.go   rows on their way into a table
//
// A copy that was killed at any moment is begun again: a table that was whole and whose source is still the same is kept, all others
// are emptied and filled anew.
package rowcopy
