package pages

import "time"

// addViews renders a file in each way in which a page shows it.
func addViews(p *Edition, add func(name string) func(html []byte, err error)) {
	for _, viewer := range []Viewer{ViewImage, ViewThumbnail, ViewVideo, ViewAudio, ViewPDF, ViewText, ViewMarkdown, ViewNothing} {
		add("view of " + string(viewer))(p.View(View{Frame: Frame{User: hostile, Problem: &Problem{Sentence: hostile}}, Crumbs: sample().Crumbs, Name: hostile, Viewer: viewer,
			MediaType: hostile, Raw: "/raw/a", Download: "/raw/a?download", Delete: "/drive/a?delete", Before: &Crumb{hostile, "/view/b"}, After: &Crumb{hostile, "/view/c"},
			Text: hostile, Partly: true}))
	}
	add("view in the root")(p.View(View{Crumbs: sample().Crumbs[:1], Name: hostile, Viewer: ViewNothing}))
	for _, what := range []string{"moved", "copied", "stored"} {
		v := sample()
		v.Problem = &Problem{Sentence: hostile, Partly: &Partly{What: what, Count: 1, Of: 3}}
		add("partly " + what)(p.Drive(v))
	}
}

// addShares renders what the owner of links sees of them, and what visitors see.
func addShares(p *Edition, add func(name string) func(html []byte, err error)) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	problem := Frame{User: hostile, Problem: &Problem{Sentence: hostile, Fields: map[string]string{"kind": hostile, "name": hostile, "password": hostile, "expires_at": hostile, "max_uses": hostile}}}
	account := AccountFrame{Frame: problem, Here: "/account/shares"}
	drop := Share{ID: "d", Name: hostile, Link: "https://files.example.org/s/d", Path: "/" + hostile, Details: "/drive/a?details", Drop: true, Protected: true, Used: at, Expires: at}
	file := Share{ID: "f", Name: hostile, Link: "https://files.example.org/s/f", Uses: 1, Most: 3}
	full, open, ended := drop, file, file
	full.ID, full.Most, full.Protected = "full", 3, false
	open.ID, open.Most, open.Protected = "open", 0, true
	ended.ID, ended.Ended = "ended", true
	add("shares")(p.Shares(Shares{AccountFrame: account, Items: []Share{drop, file, full, open, ended}, Removed: true, Form: &ShareForm{Path: "/a", Of: hostile, Folder: true, Name: hostile, Most: hostile}}))
	add("a share that was made")(p.Shares(Shares{AccountFrame: account, Made: &drop}))
	add("another that was made")(p.Shares(Shares{AccountFrame: account, Made: &file}))
	add("shares, one file refused")(p.Shares(Shares{AccountFrame: account, Form: &ShareForm{Of: hostile}}))

	add("asked for a password")(p.Shared(Shared{Frame: problem, Ask: true, Address: "/s/x"}))
	add("drop box")(p.Shared(Shared{Frame: problem, Drop: true, Public: true, Address: "/s/x", Name: hostile, Sent: 2, MaxSize: 5}))
	add("full drop box")(p.Shared(Shared{Drop: true, Full: true, Address: "/s/x", Name: hostile}))
	add("shared folder")(p.Shared(Shared{Public: true, Folder: true, Address: "/s/x", Name: hostile, Crumbs: []Crumb{{hostile, "/s/x"}}, Entries: sample().Entries, Download: "/s/x?zip", Next: "/s/x?after=y", Limited: true}))
	add("empty shared folder")(p.Shared(Shared{Folder: true, Address: "/s/x", Name: hostile, Download: "/s/x?zip"}))
	for _, viewer := range []Viewer{ViewImage, ViewVideo, ViewAudio, ""} {
		add("shared file, " + string(viewer))(p.Shared(Shared{Public: true, Address: "/s/x", Link: "https://files.example.org/s/x", Name: hostile, Size: 5, MediaType: hostile, Viewer: viewer, Raw: "/s/x?raw", Download: "/s/x?download"}))
	}
}
