// Package e2e tests Satchel from the outside: the built binary, and the
// clients that people use.
//
//   - server_test.go     starts, kills and stops the server
//   - account_test.go    a user of it, over HTTP
//   - tools_test.go      runs Node scripts and other programs
//   - upload_test.go     tus-js-client through three crashes
//   - dropbox_test.go    both into a drop box, by somebody without an account
//   - hostile_test.go    stored XSS: hostile files at every address that sends or shows them, hostile names on every page that tells them
//   - sharing_test.go    links to files and folders, as their owner and visitors see them
//   - clients_test.go    tus-js-client and Uppy, in Node and Chromium; driver_test.go runs them
//   - prompt_test.go     satchel as a client, at a prompt; begun_test.go goes on with what other clients began; terminal_test.go in a window of tmux; wire_test.go is a network that counts and breaks
//   - cutter_test.go     a proxy that cuts connections
//   - crash_test.go      the server is killed at named points, and at random; transfer_test.go is its client
//   - browser_test.go    Chromium on the pages: scene plays scripts that chromium.mjs describes, eachView in small and large, English and Chinese
//   - firstload_test.go  longfolder_test.go  the drive on a slow phone for the first time, and with many files
//   - acme_test.go       certificates of Pebble, an ACME server, on one node and on two
//   - proxies_test.go    the examples of deploy/proxy with the real nginx and Caddy, and an upload of 1 GiB
//   - doctor_test.go     what satchel doctor says of an nginx with each fault
//   - tls_test.go        every door over HTTPS and HTTP/2, a certificate that is renewed, PROXY headers
//   - s3_test.go         files in a bucket, over versitygw
//   - migratedb_test.go  migrateblobs_test.go  backup_test.go  an installation moves to another database or store, and comes back from a backup
//   - cluster_test.go    three nodes behind nginx, by deploy/local-cluster.sh · compose_test.go deploy/compose.yaml, as docker compose reads it
//   - nodestorm_test.go  clients on three nodes while nodes, Postgres and S3 are killed: stormclient_test.go, stormsend_test.go (uploads) and what they know, stormtree_test.go
//   - webdav_test.go     rclone, cadaver and gvfs
//   - mount_test.go      ordinary tools on mounts of gvfs and davfs2
//   - replay_test.go     what Finder, Explorer, Office and others are known to send, from replays/
//   - isolation_test.go  what another user sees: nothing
//   - reload_test.go     settings that change under a running server
//   - lifecycle_test.go  starting, stopping, metrics
//   - snippets_test.go   the commands and modules of README.md and docs · pictures_test.go its pictures
//
// Most tests wait more than they work, so they run beside each other: a new test begins with t.Parallel, and so do its subtests that start
// servers of their own (bothDatabases does it for them). One that bounds time or memory, or is a storm that has to get somewhere, leaves it
// out: go runs such tests first, one after the other. Servers, ports, folders, homes and databases are a test's own.
//
// A new scenario in Chromium is a script of its own that imports chromium.mjs (profiles in any size, language and colour scheme, which collect
// what the browser complains about; look with axe-core; register and signIn), and a test that plays it with scene in eachView. It finds things by
// the words of the pages in the language of the run, as words answers them from the catalogues, or by what is the same in each language. Browsers
// take turns in scene, two at once. A scenario waits for states of the page, never for a time, and for no bound that a busy machine breaks.
//
// The tests run bin/satchel's source as it is: go's cache of test results does
// not see that, so run them with -count=1. A program that is missing on the
// machine fails its test with the line that installs it.
package e2e
