// Command bench measures Satchel beside the servers that people would run instead, on one machine and in one run.
//
//	make bench                      # everything, about ten minutes
//	make bench BENCH='-only PATCH'  # the rows whose name matches
//
// It starts each server itself, as a child process on a loopback port with its data in a fresh temporary folder, and
// ends it again after each row: no row pays for what another left behind. The rounds of a row take turns between the servers
// (A B C, then B C A, …), so that a machine that is slow for a while is slow for all of them, and medians are told.
//
// The client is one process on the same machine and speaks HTTP/1.1 over connections that stay open. It costs processor
// time that the servers then lack, the same for each of them. Every upload has content that no other one has.
//
// What else runs on the machine is measured too: a run begins when the others are quiet, or after -patience, and the
// greatest share of the processors that somebody else had while a row ran is told with it.
//
//   - main.go     flags, the order of runs
//   - child.go    a server as a child process
//   - peers.go    satchel and tusd: how each is started and asked
//   - wire.go     one HTTP/1.1 connection
//   - tus.go      what is measured of tus
//   - table.go    a table of 20,000 unfinished uploads against one of ten
//   - measure.go  operations, latencies, medians
//   - profile.go  CPU profiles of the server, with -profiles
//   - machine.go  processors, load, what others take
//   - report.go   the output
package main
