// Command bench measures Satchel beside the servers that people would run instead, on one machine and in one run: its tus uploads
// beside tusd's, its WebDAV beside that of nginx with dav-ext, of Apache's mod_dav and of rclone.
//
//	make bench                            # everything, about half an hour
//	make bench BENCH='-only PATCH'        # the rows whose name matches
//	make bench BENCH='-only WebDAV:.GET'  # a protocol's
//
// It starts each server itself, as a child process on a loopback port with its data in a fresh temporary folder, and
// ends it again after the rows that share its files: no row pays for what another left behind. The rounds of a row take turns between
// the servers (A B C, then B C A, …), so that a machine that is slow for a while is slow for all of them, and medians are told.
// Files stay until the end of the run, because ext4 is slow to make files where others were just removed; a run that follows
// another one within minutes still pays for it.
//
// The client is one process on the same machine and speaks HTTP/1.1 over connections that stay open. It costs processor
// time that the servers then lack, the same for each of them. Every upload has content that no other one has.
//
// What else runs on the machine is measured too: a run begins when the others are quiet, or after -patience, and the
// greatest share of the processors that somebody else had while a row ran is told with it.
//
//   - main.go     flags, the order of runs
//   - scene.go    rows on a server's files, and the turns of servers
//   - child.go    a server as a child process
//   - satchel.go  tusd.go  nginx.go  apache.go  rclone.go  how each is started and asked
//   - davpeer.go  what the servers of WebDAV have in common: an account, a folder, whom they run as
//   - wire.go     one HTTP/1.1 connection
//   - content.go  bodies that nobody has seen yet
//   - tus.go      what is measured of tus
//   - table.go    a table of 20,000 unfinished uploads against one of ten
//   - bucket.go   content in a bucket of S3 beside content on the disk, and how many requests that takes
//   - nodes.go    three nodes beside one, and the turns of two sides
//   - crowded.go  crowdsteps.go  database.go  each operation among a million files on Postgres against an empty database, and what it costs there
//   - dav.go      what is measured of WebDAV
//   - measure.go  operations, latencies, medians
//   - profile.go  CPU profiles of the server, with -profiles
//   - machine.go  processors, load, what others take
//   - report.go   the output
package main
