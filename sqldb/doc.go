// Package sqldb is where rows live: SQLite in one file, or Postgres.
//
// The rules above (packages drive and authn) write their SQL once, with $1
// placeholders, and run it through a [DB] or a [Tx], which are both a
// [Querier]. What the two engines do differently stays here:
//
//   - open.go       the URL, the pools, the settings of each engine
//   - migrate.go    the schema: one embedded file a step and engine
//   - read.go       Read and the Querier of a pool
//   - update.go     Update: retries, and Postgres transactions
//   - guard.go      updates that happen only while something is so
//   - lite.go       a connection to SQLite · litevalue.go its arguments and columns · litepool.go those that read
//   - writer.go     SQLite's one writer, where updates that wait share a commit
//   - checkpoint.go SQLite's write-ahead log is moved into its file beside the updates
//   - walindex.go   whether anybody has committed to a SQLite file since
//   - memo.go       what was read, remembered until somebody does
//   - notice.go     hints between processes that something has changed: NOTIFY on Postgres
//   - errors.go     driver codes become kinds of package fault
//   - id.go         row ids
//
// Conventions of the schema: ids are [NewID] texts, times are microseconds
// since 1970 in UTC ([Micros]), text sorts by its bytes.
package sqldb
