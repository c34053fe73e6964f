// Package config reads the settings: one struct, filled from four places.
//
//	flag  >  environment  >  file  >  default
//
// Every setting has a key ("admin_listen"), which is its name in the TOML file,
// and an environment variable made from it (SATCHEL_ADMIN_LISTEN). A secret can be
// kept in a file of its own, named by the variable with _FILE at its end
// (SATCHEL_DATABASE_FILE). Some have a flag too (--admin-listen). The file is
// the one named by --config or SATCHEL_CONFIG; nothing is read from anywhere else.
//
// A key that nobody knows is an error that names it: a setting that is misspelt
// must not look as if it were in force. All that is wrong is told at once.
//
//   - config.go    the settings and their defaults
//   - settings.go  the table: key, flag, meaning, how the value is read
//   - load.go      the four places, and which of them wins
//   - environ.go   the environment, and what in it is not ours
//   - value.go     how text becomes addresses, sizes, times, …
//   - changes.go   what is another in settings that were read anew
//   - reference.go the page of all settings, docs/settings.md
//   - report.go    every setting with where it came from, secrets hidden
//
// Only cmd imports this package; it hands each room what the room needs.
package config
