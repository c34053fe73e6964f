// Package web is the door for browsers: the H5 pages, and the content of files for whoever is signed in on them.
//
//	GET  /                    to the drive, or to sign in
//	GET  /login, POST /login  sign in; ?next= is the local address to go on to
//	POST /login/second        its second step, by a code; /login/passkey, /login/passkey/finish by a passkey
//	GET  /register, POST …    make an account; in two steps where an address is proven by a code
//	GET  /forgot, POST …      another password for a forgotten one, in two steps
//	/account/connect          how to use the drive from other programs
//	/account/profile          the user name, and addresses that a code confirms
//	POST /language            the language of the pages in this browser
//	POST /logout              end this browser's session
//	GET  /open?ticket=…       sign in by a ticket that an app got, once
//	GET  /drive/{folder}      a folder; ?after={place} is a further part of a long one, ?sort= ?order= ?view= how it is shown
//	GET  /drive/{node}?delete the question before a removal; ?details and ?versions are pages about it; ?zip sends a folder, or each ?item= in it
//	POST /drive/{path}        a form: action= what to do, or files (multipart/form-data)
//	GET  /raw/{file}          the file's content, with ranges; ?download saves it in any case, ?version={id} is what it held before
//	GET  /view/{file}         a page that shows the file
//	GET  /thumb/{file}        a small picture of an image: ?size=160 or 480, &v= its ETag without quotation marks to have it kept
//	GET  /d/{code}/{file}     the content for whoever has the link, until it expires
//	GET  /s/{token}/{path}    what a link opens; ?raw, ?download, ?zip its content, ?thumb=160 or 480 a small picture
//	GET  /search?q=…          files and folders by a part of their names
//	GET  /trash, POST /trash  what was removed
//	GET  /rewind, POST …      the drive, or a folder, as it was at a moment: asks for one, tells what would change, changes it
//	GET  /events              what changes in the drive, as it happens (server-sent events)
//	GET  /assets/{name}       style, script and icon of the pages
//
// Who asks is in the context (authn.From), put there by the gate. Nobody is sent to /login and back
// afterwards. Writes from other sites are refused in front of this door, which is all that the forms need
// against forgery.
//
//	web.go      routes and what all handlers share
//	session.go  signing in, signing out, tickets, and the cookie
//	register.go registering, forgotten passwords, the profile
//	next.go     which addresses may be gone on to
//	folder.go   showing a folder
//	action.go   making folders, removing
//	chosen.go   what is done with several files and folders; zip.go: downloading them
//	details.go  a file or folder, and its versions
//	trash.go    what was removed
//	rewind.go   going back to a moment
//	search.go   looking for names
//	link.go     download links
//	events.go   what changes while a page is open
//	upload.go   a plain form with files
//	factor.go   the second factor and the second step of signing in; passkey.go: passkeys
//	raw.go      content, in a way that it never runs as part of our pages
//	view.go     the page that shows a file: viewer.go chooses how, text.go reads text
//	thumb.go    thumbnails
//	share.go    links to files and folders; shared.go what visitors meet, sharedlook.go what of it they see, sharezip.go folders, sharedrop.go and
//	            sharebox.go drop boxes
//	compress.go which answers are compressed
//	address.go  drive paths as addresses
//	language.go the language of the pages
//	failure.go  the error page
//
// Pages hold no script and no style of their own, so their policy allows none.
package web
