// Package sqldbtest gives tests real databases: SQLite in a temporary file and
// a real Postgres.
//
//   - each.go      Each, OpenSQLite, OpenPostgres: what a test asks for
//   - server.go    the Postgres server that they live on, and Cluster for who measures
//   - template.go  the migrated databases that theirs are copies of
//   - reuse.go     what a test is done with is emptied for another
//   - cluster.go   a private one, started and stopped with the test binary
//   - statements.go what a package's rules run while its tests do
//   - explain.go   how a database runs a statement, in words that stay the same
//   - plans.go     Main and Plans: the plans of all statements are kept in testdata, so that a lost index fails a test
//
// Postgres is the server that SATCHEL_TEST_POSTGRES names (a postgres:// URL of
// a superuser; the plans are those of version 15) or, where it is not set, a private cluster
// made of Debian's binaries in a temporary folder. A machine that has neither
// fails the test with the line to run; nothing is skipped.
package sqldbtest
