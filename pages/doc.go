// Package pages is what people see: the H5 pages, rendered on the server with
// html/template, and the style and script that they load.
//
// A page takes a plain struct and answers its HTML; it knows no request, no
// drive and no account. It is rendered whole before anyone writes a byte of it.
//
//   - pages.go      the pages in each language, and rendering
//   - sources.go    parsing the templates: which there are, and what they share
//   - words.go      the words on pages, in the language of who reads them
//   - asset.go      style, script and icon under content-hash names
//   - frame.go      what every page has: who is signed in, and a problem to tell
//   - signin.go     signing in and registering
//   - account.go    one's own account, a page for each part of it
//   - activity.go   what the audit log says, in words
//   - drive.go      a folder, and the question before a removal
//   - view.go       a file
//   - details.go    a file or folder, and what the file held before
//   - chosen.go     picking a folder, what was found
//   - trash.go      what was removed
//   - admin.go      for administrators: the overview, uploads, newcomers, the audit log; adminuser.go has the accounts
//   - rewind.go     going back to a moment
//   - failure.go    the error page
//   - format.go     sizes and times in words
//
// Every word that people read is in catalogue/, in each language: a template
// asks for it by its key ({{t "key"}}, see words.go), also for those that the
// script shows, which takes them from the page. words_test.go finds what is not.
//
// The style is embedded as it is written (src/satchel.css). The script
// (src/*.js) is bundled by `npm run build` into dist/, which is not committed:
// without it a page is the same page with plain forms, which is also what a
// browser without script gets.
package pages
