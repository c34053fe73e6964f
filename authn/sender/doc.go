// Package sender brings the messages of package authn to people: by SMTP (smtp.go), by a webhook of a gateway that
// sends text messages (webhook.go), or, while one develops, into the log (log.go).
//
// None of them logs what a message says, but the one whose purpose it is. Trying again is authn's.
package sender
