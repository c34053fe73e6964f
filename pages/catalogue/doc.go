// Package catalogue holds every word that people read on the pages, in each language, and finds the language that
// somebody reads.
//
// A folder holds a language and a file in it the words of some pages, the same files with the same keys in each
// folder. Tables make the keys longer, so this is the key "drive.upload.pick":
//
//	[drive.upload]
//	pick = "Upload files"
//
// What differs by a count has a table with the plural forms of the language (CLDR; English has one and other, Chinese
// only other), and names in braces are filled in by who asks:
//
//	[drive.removed]
//	one = "{{.name}} is in the trash."
//	other = "{{.count}} files and folders are in the trash."
//
// Messages are text and hold no markup. A key does not end in a word that the format keeps for itself: id, description, hash, and the plural forms. The files are of github.com/nicksnyder/go-i18n, which reads them and knows the
// plural forms.
//
// Refusals (fault.Public) are sentences in English wherever they are made. problems.toml has their translations under
// the sentences themselves, with {…} for what differs from one to the next; see [Catalogue.Problem].
package catalogue
