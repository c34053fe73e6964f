package pages

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/PuerkitoBio/goquery"
)

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>`

func newPages(t *testing.T, bundle fstest.MapFS) *Pages {
	t.Helper()
	p, err := New(Options{Bundle: bundle})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func built() fstest.MapFS { return fstest.MapFS{"satchel.js": {Data: []byte("void 0")}} }

func parse(t *testing.T, html []byte, err error) *goquery.Document {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// sample is a drive page with everything on it, and hostile text wherever text comes from outside.
func sample() Drive {
	return Drive{
		Frame:   Frame{User: hostile, Problem: &Problem{Sentence: hostile, RequestID: "r1"}},
		Crumbs:  []Crumb{{Address: "/drive/"}, {Name: hostile, Address: "/drive/a"}},
		Address: "/drive/a",
		Path:    "/" + hostile,
		Entries: []Entry{
			{ID: "a", Name: hostile, Folder: true, Details: "/drive/a/b%3Fc?details", Modified: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
				Address: "/drive/a/b%3Fc", Delete: "/drive/a/b%3Fc?delete", Action: "/drive/a/b%3Fc"},
			{ID: "b", Name: "clip.mp4", Details: "/drive/a/clip.mp4?details", Size: 1_400_000, MediaType: "video/mp4", Modified: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
				Address: "/raw/a/clip.mp4", Download: "/raw/a/clip.mp4?download", Delete: "/drive/a/clip.mp4?delete", Action: "/drive/a/clip.mp4"},
		},
		First: "/drive/a", Next: "/drive/a?after=x", Details: "/drive/a?details", ID: "folder", Since: "1.2",
		Columns: []Column{{Key: "name", Address: "/drive/a?sort=name&order=desc", Sorted: "ascending"}, {Key: "size", Address: "/drive/a?sort=size&order=asc"}},
		Removed: &Removed{Name: hostile, Count: 1, At: "123"},
		Usage:   Usage{Used: 1_000_000, Quota: 2_000_000_000}, MaxFile: 7, NewName: hostile,
	}
}

// everyPage renders each page with all that can be on it.
func everyPage(t *testing.T, p *Edition) map[string]*goquery.Document {
	t.Helper()
	problem := Frame{Problem: &Problem{Sentence: hostile, RequestID: "r1",
		Fields: map[string]string{"username": hostile, "password": hostile, "email": hostile, "phone": hostile}}}
	docs := map[string]*goquery.Document{}
	add := func(name string) func(html []byte, err error) {
		return func(html []byte, err error) { docs[name] = parse(t, html, err) }
	}
	add("login")(p.Login(Login{Frame: problem, Login: hostile, Next: "/drive/a?b=c", TicketEnded: true, Registration: true}))
	add("register")(p.Register(Register{Frame: problem, Username: hostile, Email: hostile, Phone: hostile, Next: "/drive/x", Open: true, MinPassword: 8}))
	signedIn := AccountFrame{Frame: problem, Here: "/account/sessions", Done: Say("session.others-ended", "number", 2)}
	add("sessions")(p.Sessions(Sessions{AccountFrame: signedIn, Items: []Session{{ID: "a", Device: Device{hostile, hostile}, Address: hostile, App: true}, {ID: "b", Current: true, Device: Device{Program: hostile}}}}))
	add("password")(p.Password(Password{AccountFrame: signedIn, Proof: Proof{Password: true, Code: true, Passkeys: true}, Username: hostile, MinPassword: 8}))
	add("continue")(p.Continue(Continue{Name: hostile, Ticket: hostile}))
	add("closed")(p.Register(Register{}))
	add("uninvited")(p.Register(Register{Frame: problem, Open: true, Invited: true, Next: hostile}))
	add("register by e-mail")(p.Register(Register{Frame: problem, Open: true, Verify: "email", Email: hostile, Invitation: hostile, Next: hostile}))
	add("register by phone")(p.Register(Register{Frame: problem, Open: true, Verify: "phone", Phone: hostile}))
	add("register with a code")(p.Register(Register{Frame: problem, Open: true, Verify: "email", Email: hostile, Invitation: hostile, Sent: true, MinPassword: 8}))
	add("forgot")(p.Forgot(Forgot{Frame: problem, To: hostile, Mail: true}))
	add("forgot, code sent")(p.Forgot(Forgot{Frame: problem, To: hostile, Mail: true, Texts: true, Sent: true, MinPassword: 8}))
	add("forgot, nothing sends")(p.Forgot(Forgot{}))
	account := AccountFrame{Frame: problem, Here: "/account/profile", Done: Say("session.device", "program", hostile, "system", hostile)}
	account.User = hostile
	add("profile")(p.Profile(Profile{AccountFrame: account, Username: hostile,
		Email: ProfileAddress{Now: hostile, Sends: true, New: hostile, Sent: true}, Phone: ProfileAddress{Now: hostile, Verified: true, Sends: true}, Proof: Proof{Password: true, Code: true}, Refused: "email"}))
	add("profile without addresses")(p.Profile(Profile{AccountFrame: account, Username: "mia", Email: ProfileAddress{Sends: true}, Phone: ProfileAddress{Now: "+4915112345678"}, Proof: Proof{Code: true, Passkeys: true}}))
	add("drive")(p.Drive(sample()))
	add("empty")(p.Drive(Drive{Frame: Frame{User: "mia"}, Crumbs: []Crumb{{Address: "/drive/"}}, Address: "/drive/", Path: "/", Usage: Usage{Quota: -1}}))
	add("delete")(p.Delete(Delete{Frame: Frame{User: "mia"}, Name: hostile, Folder: true, Action: "/drive/a", Back: "/drive/"}))
	account.Here = "/account/second-factor"
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	add("second-factor")(p.Factor(Factor{AccountFrame: account, On: true, TOTP: true, RecoveryCodes: 1,
		Passkeys: []Passkey{{Name: hostile, Host: hostile, Created: at, Used: at, Remove: "/account/second-factor/passkeys/x/remove"}, {Name: "new", Created: at}}}))
	add("no second factor")(p.Factor(Factor{AccountFrame: account, PasskeyProblem: hostile}))
	add("authenticator app")(p.Factor(Factor{AccountFrame: account, Enrollment: &Enrollment{Secret: "ABC", URI: "otpauth://totp/x", QR: "data:image/png;base64,AA=="}}))
	add("recovery codes")(p.Factor(Factor{AccountFrame: account, Codes: []string{"abcd-efgh"}}))
	add("second step")(p.SecondStep(SecondStep{Frame: problem, Half: hostile, Next: "/drive/a?b=c", Passkeys: true}))
	add("connect")(p.Connect(Connect{AccountFrame: account, System: SystemWindows, WebDAV: "https://files.example.org/dav/", Tus: "https://files.example.org/files/", Username: hostile,
		Form: AppPasswordForm{Name: hostile, AskPassword: true, AskCode: true}}))
	add("connected")(p.Connect(Connect{AccountFrame: account, Secure: true, System: SystemPhone, Username: "mia",
		Made: &MadeAppPassword{Name: hostile, Username: "mia", Password: "abc", Address: "https://files.example.org/dav/", Link: "davs://files.example.org/dav/"}}))
	add("passkey")(p.Ceremony(Ceremony{Frame: Frame{User: hostile}, Kind: "create", Options: `{"user":"` + hostile + `"}`, Action: "/account/second-factor/passkeys/confirm", Back: "/account/second-factor"}))
	framed := AccountFrame{Frame: Frame{User: hostile, Problem: problem.Problem}, Here: "/account/data", Done: Say("session.device", "program", hostile, "system", hostile)}
	add("data")(p.Data(Data{AccountFrame: framed, Usage: Usage{Used: 5}}))
	add("leave")(p.Leave(Leave{Frame: framed.Frame, Usage: Usage{Used: 5}, Proof: Proof{Password: true, Code: true}}))
	add("farewell")(p.Farewell(Frame{}))
	add("activity")(p.Activity(Activity{AccountFrame: framed, Next: "/account/activity?after=1.x", Lines: []ActivityLine{
		{Event: "sign_in"}, {Event: hostile, Address: hostile, Device: Device{hostile, hostile}, Detail: hostile, Times: 7, ByAdministrator: true}}}))
	entry := sample().Entries[0]
	file := entry
	file.Folder, file.MediaType, file.Download = false, hostile, "/raw/a?download"
	grid := sample()
	grid.Grid, grid.Removed = true, &Removed{Count: 3}
	add("grid")(p.Drive(grid))
	add("details")(p.Details(Details{Frame: problem, Entry: file, Crumbs: sample().Crumbs, SHA256: "abc", Kept: 2, NewName: hostile, Back: "/drive/a", Versions: "/drive/a?versions"}))
	add("details of a folder")(p.Details(Details{Entry: entry, Crumbs: sample().Crumbs, NewName: "x", Back: "/drive/a"}))
	add("details of the root")(p.Details(Details{Entry: Entry{Folder: true, Address: "/drive/"}, Crumbs: []Crumb{{Address: "/drive/"}}, Root: true}))
	add("versions")(p.Versions(Versions{Entry: file, Crumbs: sample().Crumbs, Back: "/drive/a?details", Versions: []Version{{ID: "v", Size: 1, Address: "/raw/a?version=v", Download: "/raw/a?version=v&download"}}}))
	add("no versions")(p.Versions(Versions{Entry: file, Crumbs: sample().Crumbs, Back: "/drive/a?details"}))
	add("pick")(p.Pick(Pick{Frame: problem, Action: "/drive/a", Back: "/drive/a", Items: []string{hostile}, At: "/" + hostile, Name: hostile,
		Above: []Place{{Path: "/"}, {hostile, "/" + hostile}}, Folders: []Place{{hostile, "/a/" + hostile}}, Next: "x"}))
	add("pick of many")(p.Pick(Pick{Copy: true, Action: "/drive/a", Back: "/drive/a", Items: []string{"a", "b"}, At: "/", Above: []Place{{Path: "/"}}}))
	add("search")(p.Search(Search{Frame: problem, Text: hostile, Hits: []Hit{{entry, "/" + hostile, "/drive/a"}, {file, "/", "/drive/"}}, Next: "/search?q=x&after=y"}))
	add("nothing found")(p.Search(Search{Text: hostile}))
	add("trash")(p.Trash(Trash{Frame: problem, Items: []Trashed{{ID: "t", Name: hostile, Icon: "file", Where: "/" + hostile, Expires: time.Unix(1, 0)}}, Next: "/trash?after=x"}))
	add("empty trash")(p.Trash(Trash{}))
	add("purge")(p.Purge(Purge{Items: []string{"a"}}))
	add("empty the trash")(p.Purge(Purge{}))
	kinds := []RewindKind{{Words: Say("rewind.moved", "count", 3), Items: []RewindItem{{hostile, hostile, "file"}, {"/" + hostile, "", "folder"}}, More: 1}}
	add("rewind")(p.Rewind(Rewind{Frame: problem, Folder: "/", Presets: []RewindPreset{{Say("rewind.preset.hour"), time.Unix(1, 0), "/rewind?to=x"}}}))
	add("rewind of a folder")(p.Rewind(Rewind{Folder: "/" + hostile, Name: hostile, Crumbs: sample().Crumbs}))
	add("what a rewind would do")(p.Rewind(Rewind{Folder: "/", Seen: &RewindSeen{To: hostile, Does: kinds, Leaves: kinds, Problem: problem.Problem, Back: "/rewind"}}))
	add("a rewind of nothing")(p.Rewind(Rewind{Folder: "/", Seen: &RewindSeen{Nothing: true, Back: "/rewind"}}))
	add("rewound")(p.Rewind(Rewind{Folder: "/", Done: &RewindDone{Count: 2, Left: 1, Folder: "/drive/", Undo: "/rewind?to=y"}}))
	addViews(p, add)
	addShares(p, add)
	add("failure")(p.Failure(Failure{Frame: problem, Status: 500, Retryable: true}))
	return docs
}

// What the content security policy of the pages refuses must not be in them.
func TestPagesHoldNothingOfTheirOwnToRun(t *testing.T) {
	for name, doc := range everyPage(t, newPages(t, built()).In("en")) {
		doc.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, a := range s.Nodes[0].Attr {
				// html/template takes data-one for script, too, and would put its words into quotes.
				if a.Key == "style" || strings.HasPrefix(strings.TrimPrefix(a.Key, "data-"), "on") {
					t.Errorf("%s: <%s %s=%q>", name, goquery.NodeName(s), a.Key, a.Val)
				}
				if a.Key == "src" && strings.HasPrefix(a.Val, "data:image/png;base64,") || a.Key == "href" && strings.HasPrefix(a.Val, "otpauth://") {
					continue // what the server made: a QR code, and the same for an app on this device
				}
				local := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "#") || a.Val == ""
				if (a.Key == "src" || a.Key == "href" || a.Key == "action") && !local {
					t.Errorf("%s: <%s %s=%q> leads elsewhere", name, goquery.NodeName(s), a.Key, a.Val)
				}
			}
		})
		if n := doc.Find("style, img:not(.qr):not([src^='/']), iframe").Length(); n > 0 {
			t.Errorf("%s: %d elements that came from hostile text or hold a style", name, n)
		}
		doc.Find("script").Each(func(_ int, s *goquery.Selection) {
			if src, _ := s.Attr("src"); !strings.HasPrefix(src, AssetPrefix) || s.Text() != "" {
				t.Errorf("%s: a script that is not our file: %q %q", name, src, s.Text())
			}
		})
	}
}

func TestPagesAreAccessible(t *testing.T) {
	for name, doc := range everyPage(t, newPages(t, built()).In("en")) {
		for selector, want := range map[string]int{"html[lang]": 1, "main#main": 1, "h1": 1, "a.skip[href='#main']": 1, "meta[name=viewport]": 1} {
			if got := doc.Find(selector).Length(); got != want {
				t.Errorf("%s: %d of %s, want %d", name, got, selector, want)
			}
		}
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
			id := s.AttrOr("id", "")
			if ids[id] {
				t.Errorf("%s: the id %q is there twice", name, id)
			}
			ids[id] = true
		})
		doc.Find("use").Each(func(_ int, s *goquery.Selection) {
			if href := s.AttrOr("href", ""); !ids[strings.TrimPrefix(href, "#")] {
				t.Errorf("%s: there is no symbol %q", name, href)
			}
		})
		doc.Find("input:not([type=hidden])").Each(func(_ int, s *goquery.Selection) {
			if label := doc.Find("label[for='" + s.AttrOr("id", "?") + "']").AddSelection(s.Closest("label")); strings.TrimSpace(label.Text()) == "" {
				t.Errorf("%s: input %q has no label", name, s.AttrOr("name", ""))
			}
		})
		doc.Find("[aria-describedby], [aria-labelledby]").Each(func(_ int, s *goquery.Selection) {
			for id := range strings.FieldsSeq(s.AttrOr("aria-describedby", "") + " " + s.AttrOr("aria-labelledby", "")) {
				if !ids[id] {
					t.Errorf("%s: %q is described by nothing: %q", name, s.AttrOr("id", ""), id)
				}
			}
		})
		doc.Find("a, button, summary").Each(func(_ int, s *goquery.Selection) {
			if strings.TrimSpace(s.Text()) == "" {
				html, _ := goquery.OuterHtml(s)
				t.Errorf("%s: nothing to read aloud: %s", name, html)
			}
		})
	}
}

func TestDrive(t *testing.T) {
	p := newPages(t, built()).In("en")
	html, err := p.Drive(sample())
	doc := parse(t, html, err)
	for _, c := range []struct{ selector, attr, want string }{
		{"title", "", hostile + " · Satchel"},
		{".crumbs a", "href", "/drive/"},
		{".crumbs a", "", "My drive"},
		{".crumbs h1", "", hostile},
		{"#problem p", "", hostile + " Request r1"},
		{"form.upload", "action", "/drive/a"},
		{"form.upload", "enctype", "multipart/form-data"},
		{"form.upload", "data-folder", "/" + hostile},
		{"form.upload", "data-max-file", "7"},
		{"form.upload", "data-user", hostile},
		{"#folder-name", "value", hostile},
		{"tr.folder .name a", "href", "/drive/a/b%3Fc"},
		{"tr.folder .name bdi", "", hostile},
		{"tr.folder .size", "", ""},
		{"tr.folder [data-delete]", "href", "/drive/a/b%3Fc?delete"},
		{"tr.file .name a", "href", "/raw/a/clip.mp4"},
		{"tr.file .name use", "href", "#i-video"},
		{"tr.file .size", "", "1.4 MB"},
		{"tr.file time", "datetime", "2026-03-04T05:06:07Z"},
		{"tr.file time", "", "2026-03-04 05:06 UTC"},
		{"tr.file a[download]", "href", "/raw/a/clip.mp4?download"},
		{".parts a[rel=next]", "href", "/drive/a?after=x"},
		{"#usage label", "", "1.0 MB of 2.0 GB used"},
		{"#usage meter", "value", "1000000"},
	} {
		s := doc.Find(c.selector)
		got := strings.TrimSpace(s.Text())
		if c.attr != "" {
			got = s.AttrOr(c.attr, "(none)")
		}
		if got != c.want {
			t.Errorf("%s %s = %q, want %q", c.selector, c.attr, got, c.want)
		}
	}
}

func TestEmptyFolder(t *testing.T) {
	doc := everyPage(t, newPages(t, built()).In("en"))["empty"]
	if doc.Find("table").Length() != 0 || doc.Find(".empty").Length() != 1 || doc.Find("meter, .parts, #problem").Length() != 0 {
		t.Error("an empty folder shows a table, parts, a problem or a quota that it does not have")
	}
	if got := strings.TrimSpace(doc.Find("#usage").Text()); got != "0 B used" {
		t.Errorf("usage = %q", got)
	}
	if doc.Find("details.new-folder[open]").Length() != 0 {
		t.Error("the form for a new folder is open unasked")
	}
}

// The page works without the bundle and without script: its forms are all there.
func TestWithoutBundle(t *testing.T) {
	doc := everyPage(t, newPages(t, fstest.MapFS{}).In("en"))["drive"]
	if doc.Find("script").Length() != 0 {
		t.Error("a script is asked for that was not built")
	}
	if doc.Find("link[rel=stylesheet][href^='/assets/satchel.']").Length() != 1 {
		t.Error("the style is missing")
	}
	for _, selector := range []string{
		"form.upload[method=post][enctype='multipart/form-data'] input[type=file][name=file][multiple]",
		"form.upload button[type=submit]",
		".new-folder form[method=post] input[name=action][value=new-folder]",
		"tr.file a[href$='?delete']",
		"form[action='/logout'][method=post] button",
	} {
		if doc.Find(selector).Length() != 1 {
			t.Errorf("there is no %s", selector)
		}
	}
	if doc := everyPage(t, newPages(t, fstest.MapFS{}).In("en"))["delete"]; doc.Find("form.choice[method=post] input[name=action][value=delete]").Length() != 1 {
		t.Error("the question before a removal has no form")
	}
}

func TestRegisterShowsWhereAProblemIs(t *testing.T) {
	p := newPages(t, built()).In("en")
	html, err := p.Register(Register{Open: true, Frame: Frame{Problem: &Problem{Sentence: "No.", Fields: map[string]string{"email": "Not an address."}}}})
	doc := parse(t, html, err)
	if got := doc.Find("#email-problem").Text(); got != "Not an address." {
		t.Errorf("beside the e-mail: %q", got)
	}
	if doc.Find("[aria-invalid]").Length() != 1 || doc.Find("#email[aria-invalid=true][aria-describedby=email-problem]").Length() != 1 {
		t.Error("the e-mail, and nothing else, should be marked")
	}
}

func TestFailure(t *testing.T) {
	p := newPages(t, built()).In("en")
	for status, want := range map[int]string{404: "Not found", 403: "Not allowed", 507: "No space left", 500: "Something went wrong", 503: "Busy", 400: "That did not work"} {
		html, err := p.Failure(Failure{Status: status, Frame: Frame{Problem: &Problem{Sentence: "A sentence.", RequestID: "abc"}}})
		doc := parse(t, html, err)
		if got := doc.Find("h1").Text(); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
		if got := doc.Find(".request").Text(); got != "Request abc" {
			t.Errorf("%d: %q", status, got)
		}
	}
}

func TestAssets(t *testing.T) {
	p := newPages(t, built())
	html, err := p.In("en").Login(Login{})
	doc := parse(t, html, err)
	for selector, media := range map[string]string{
		"link[rel=stylesheet]": "text/css; charset=utf-8", "link[rel=icon]": "image/svg+xml", "script": "text/javascript; charset=utf-8",
	} {
		s := doc.Find(selector)
		name := strings.TrimPrefix(s.AttrOr("href", s.AttrOr("src", "")), AssetPrefix)
		if a, ok := p.Asset(name); !ok || a.MediaType != media || len(a.Content) == 0 {
			t.Errorf("%s: %q is not served as %s", selector, name, media)
		}
	}
	if _, ok := p.Asset("satchel.css"); ok {
		t.Error("an asset is served under a name that outlives its content")
	}
	if hashedName("a.js", []byte("1")) == hashedName("a.js", []byte("2")) {
		t.Error("different content, the same name")
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 1049: "1.0 kB", 9940: "9.9 kB", 9950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		30_000_000: "30 MB", 4_200_000_000: "4.2 GB", 1 << 62: "4.6 EB", 1<<63 - 1: "9.2 EB",
	} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d) = %q, want %q", n, got, want)
		}
	}
}

// Whatever the audit log knows of an account stands on its page in words.
func TestActivityIsToldInWords(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "../authn/audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := newPages(t, built()).In("en")
	var told int
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Audit") {
			return true
		}
		event, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if event == "keys_rotated" || event == "user_deleted" { // of no account, and of one that is gone
			return true
		}
		html, err := p.Activity(Activity{Lines: []ActivityLine{{Event: event}}})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(html), "<strong>"+event+"</strong>") {
			t.Errorf("%s is told as it is in the log", event)
		}
		told++
		return true
	})
	if told < 40 {
		t.Errorf("audit.go has %d events", told)
	}
}
