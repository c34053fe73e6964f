// Package sqldbtest gives tests real databases: SQLite in a temporary file and
// a real Postgres.
//
//   - each.go      Each, OpenSQLite, OpenPostgres: what a test asks for
//   - server.go    the Postgres server that they live on
//   - template.go  the migrated databases that theirs are copies of
//   - reuse.go     what a test is done with is emptied for another
//   - cluster.go   a private one, started and stopped with the test binary
//
// Postgres is the server that SATCHEL_TEST_POSTGRES names (a postgres:// URL of
// a role that may create databases) or, where it is not set, a private cluster
// made of Debian's binaries in a temporary folder. A machine that has neither
// fails the test with the line to run; nothing is skipped.
package sqldbtest
