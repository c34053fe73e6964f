// Package crash names the moments at which a test kills the server.
//
// In a normal build [Point] does nothing and costs nothing. Built with the tag
// "crash", the process kills itself when it reaches the point that
// SATCHEL_TEST_CRASH names, "append.synced" say, or "append.synced:3" for
// the third time. The test e2e/crash_test.go goes through all of [Points].
package crash

// Points are the moments, in the order in which an upload passes them.
var Points = [...]string{
	"append.staged",   // bytes are written and not yet durable
	"append.synced",   // bytes are durable, the offset is not on record
	"append.recorded", // the offset is on record
	"append.sealed",   // the full upload is sealed, there is no file yet
	"commit.begun",    // inside the transaction that makes the file
	"commit.written",  // all of it is written, and not committed
	"commit.done",     // it is committed, the client does not know
	"put.sealed",      // a whole body is sealed, there is no file yet
	"patch.sealed",    // a file's content with a part written over is sealed, the file is as before
	"join.begun",      // a joined upload has the stage in which its parts are put together
	"join.appended",   // one part is in it, and not durable there
	"join.copied",     // all of them are
	"join.sealed",     // it is sealed, there is no file yet
}
