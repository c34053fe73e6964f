// Package logfile is a file of lines that begins anew: when it is as large as it may be, and with each day in UTC. What was before is kept
// beside it, for a number of times.
//
// It gets on with others who do that: the file is appended to wherever its end is now (logrotate's copytruncate), and Reopen takes the one
// that has the name now (logrotate's create, with a SIGHUP afterwards).
//
// Why no library: gopkg.in/natefinch/lumberjack.v2 knows no days, and it and github.com/DeRuina/timberjack (v1.4.10), which does, open
// a new file without O_APPEND, so that copytruncate leaves a hole as long as the file was; what was closed to be opened again they either rotate
// by the time of the process, not of the file, or never rotate any more.
package logfile
