// Package turn lets processes that share a database do what is to be done once by one of them: a job that is due now and then, or one that goes on
// for ever, such as the delivery of events.
//
// A row for each job says who does it, with a number that counts them (the fence), when that process was last seen, and how the job's runs ended. A
// process that is not seen for some seconds has lost its turn: another one begins the job anew, so jobs are made such that a run that broke off does no
// harm. Whoever stood still meanwhile finds out at its next update, which fails. With SQLite there is one process, and the rows remember the runs.
//
//   - turn.go  taking a turn, keeping it and giving it back
//   - job.go   jobs that are due now and then, and how they went
package turn
