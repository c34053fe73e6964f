package dav

import "strings"

// families are the kinds of client that metrics tell apart, each with what is in their User-Agent header. The first one counts:
// many say that they are a browser too.
var families = [...]struct {
	name  string
	marks []string
}{
	{finder, []string{"WebDAVFS/", "WebDAVLib/"}},
	{explorer, []string{"Microsoft-WebDAV-MiniRedir/"}},
	{"office", []string{"Microsoft Office", "MSOffice"}},
	{"gvfs", []string{"gvfs/"}},
	{"kde", []string{"KIO/", "Konqueror/"}},
	{"davfs2", []string{"davfs2/"}},
	{"cadaver", []string{"cadaver/"}},
	{"rclone", []string{"rclone/"}},
	{"owncloud", []string{"mirall/", "ownCloud", "Nextcloud"}},
	{"cyberduck", []string{"Cyberduck/", "Mountain Duck/"}},
	{"joplin", []string{"Joplin/"}},
	{"keepass", []string{"KeePass"}},
	{"obsidian", []string{"obsidian/"}},
	{"zotero", []string{"Zotero/"}},
	{"pdfexpert", []string{"PDFExpert", "PDF Expert", "PDF%20Expert"}},
	{"curl", []string{"curl/"}},
	{"browser", []string{"Mozilla/"}},
}

// The families whose requests are answered in their own way.
const (
	finder   = "finder"
	explorer = "explorer"
)

// OtherClient is the family of whoever is none of those that are known.
const OtherClient = "other"

// Client is the family of the client that a User-Agent header names: one of a short list of words, whatever strangers send.
func Client(userAgent string) string {
	for _, f := range families {
		for _, mark := range f.marks {
			if strings.Contains(userAgent, mark) {
				return f.name
			}
		}
	}
	return OtherClient
}
