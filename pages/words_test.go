package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	tree "text/template/parse"
	"unicode"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// spoken are attributes that people read or hear. What begins with data- may be, too: the script shows it.
var spoken = []string{"title", "alt", "aria-label", "aria-description", "placeholder", "label", "content"}

// silent are attributes beginning with data- that hold no words.
var silent = []string{"data-do", "data-delete", "data-id", "data-viewer", "data-all", "data-kind", "data-endpoint", "data-events", "data-units", "data-options", "data-worker", "data-copy"}

// notWords is what may stand in a template as it is: our name, what is the same in each language, and what no one reads.
var notWords = regexp.MustCompile(`\b(Satchel|SHA-256|UTC|telephone=no|width=device-width, initial-scale=1, viewport-fit=cover|light dark|noindex, nofollow|website)\b`)

// Every word on a page is from the catalogues.
func TestTemplatesHoldNoWords(t *testing.T) {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		for _, words := range wordsOf(t, file) {
			t.Errorf("%s: %q is not in the catalogues", name, words)
		}
	}
}

// wordsOf are the words that stand in a file of templates.
func wordsOf(t *testing.T, file string) []string {
	t.Helper()
	content, err := templateFiles.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]*tree.Tree{}
	parser := tree.New(file)
	parser.Mode = tree.SkipFuncCheck
	if _, err := parser.Parse(string(content), "", "", trees); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, defined := range trees {
		if defined.Root == nil {
			continue
		}
		var text strings.Builder
		walk(defined.Root, func(n tree.Node) {
			switch n := n.(type) {
			case *tree.TextNode:
				text.Write(n.Text)
			case *tree.StringNode:
				if strings.Contains(n.Text, " ") && hasWords(n.Text) {
					found = append(found, n.Text)
				}
			case *tree.ActionNode, *tree.TemplateNode:
				text.WriteString("\u00a0") // something is filled in
			}
		})
		found = append(found, wordsOfHTML(text.String())...)
	}
	slices.Sort(found)
	return found
}

func walk(n tree.Node, visit func(tree.Node)) {
	if n == nil {
		return
	}
	visit(n)
	branch := func(b *tree.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *tree.ListNode:
		if n == nil {
			return
		}
		for _, each := range n.Nodes {
			walk(each, visit)
		}
	case *tree.ActionNode:
		walk(n.Pipe, visit)
	case *tree.PipeNode:
		if n == nil {
			return
		}
		for _, c := range n.Cmds {
			for _, a := range c.Args {
				walk(a, visit)
			}
		}
	case *tree.TemplateNode:
		walk(n.Pipe, visit)
	case *tree.IfNode:
		branch(&n.BranchNode)
	case *tree.WithNode:
		branch(&n.BranchNode)
	case *tree.RangeNode:
		branch(&n.BranchNode)
	}
}

// wordsOfHTML are the words of text and of the attributes that people read.
func wordsOfHTML(source string) []string {
	var found []string
	tokens := html.NewTokenizer(strings.NewReader(source))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return found
		case html.TextToken:
			if text := strings.TrimSpace(string(tokens.Text())); hasWords(text) {
				found = append(found, text)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			for _, a := range token.Attr {
				if isRead(token.Data, a.Key, attribute(token, "property"), attribute(token, "name")) && hasWords(a.Val) {
					found = append(found, a.Key+"="+a.Val)
				}
			}
		}
	}
}

// isRead reports whether people read or hear an attribute of an element with such a property and name.
func isRead(element, key, property, name string) bool {
	if element == "meta" && key == "content" {
		return property != "" || name == "description"
	}
	return slices.Contains(spoken, key) || strings.HasPrefix(key, "data-") && !slices.Contains(silent, key)
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasWords(s string) bool {
	return strings.ContainsFunc(notWords.ReplaceAllString(s, ""), unicode.IsLetter)
}

// The test itself, tried on what it must find and what it must leave alone.
func TestWordsAreFound(t *testing.T) {
	for source, want := range map[string][]string{
		`<p>Some words</p>`:                              {"Some words"},
		`<a title="Go" href="/x" class="y">`:             {"title=Go"},
		`<p data-several="# chosen" data-do="none"></p>`: {"data-several=# chosen"},
		`<meta property="og:title" content="A folder">`:  {"content=A folder"},
		`<meta name="viewport" content="width=device">`:  nil,
		"<p>\u00a0 · Satchel</p><input name=q value=up>": nil,
	} {
		if got := wordsOfHTML(source); !slices.Equal(got, want) {
			t.Errorf("%s holds %q; want %q", source, got, want)
		}
	}
}

// What templates ask for is in the catalogues, in every language.
func TestMessagesAreThere(t *testing.T) {
	p := newPages(t, built())
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, key := range keysOf(t, file) {
			for _, l := range catalogue.Languages() {
				if !p.catalogue.Has(l, key) {
					t.Errorf("%s asks for %q, which %s has not", path.Base(file), key, l)
				}
			}
		}
	}
}

// keysOf are the keys that a file of templates names.
func keysOf(t *testing.T, file string) []string {
	t.Helper()
	content, err := templateFiles.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range asked.FindAllStringSubmatch(string(content), -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// What Go chooses is in the catalogues, too.
func TestChosenMessagesAreThere(t *testing.T) {
	p := newPages(t, built())
	files, err := filepath.Glob("../server/web/*.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllStringSubmatch(string(source), -1) {
			keys = append(keys, m[1])
		}
	}
	if len(keys) < 10 {
		t.Errorf("only %d messages were found", len(keys))
	}
	for _, c := range append((AppPasswordForm{}).Choices(), (ShareForm{}).Choices()...) {
		keys = append(keys, c.Key)
	}
	for _, s := range append(accountSections(), (AdminFrame{}).Sections()...) {
		keys = append(keys, s.Key)
	}
	for below, words := range map[string][]string{"uploads.kind": {"whole", "partial", "joined", "chunked"}, "newcomers.registration": {"open", "invite", "closed"}, "newcomers.verify": {"none", "email", "phone"}} {
		for _, word := range words {
			keys = append(keys, "admin."+below+"."+word)
		}
	}
	for _, key := range keys {
		for _, l := range catalogue.Languages() {
			if !p.catalogue.Has(l, key) {
				t.Errorf("%q is asked for, which %s has not", key, l)
			}
		}
	}
}

var said = regexp.MustCompile(`\bpages\.Say\("([^"]+)"`)

// Every event of the audit log has words, and no words are of an event that is gone.
func TestEventsHaveWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../authn/audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Audit") {
			event, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			events[event] = true
		}
		return true
	})
	if len(events) < 40 {
		t.Errorf("only %d events were found", len(events))
	}
	p := newPages(t, built())
	for _, l := range catalogue.Languages() {
		for event := range events {
			if !p.catalogue.Has(l, "event."+event) {
				t.Errorf("%s has no words for the event %s", l, event)
			}
		}
		for _, key := range p.catalogue.Keys(l) {
			if event, ok := strings.CutPrefix(key, "event."); ok && !events[event] {
				t.Errorf("%s has words for %s, which is no event", l, event)
			}
		}
	}
}

var asked = regexp.MustCompile(`\b(?:t|rich) "([^"]+)"`)

// proper are names and units, which are the same in each language.
var proper = regexp.MustCompile(`\b(Satchel|WebDAV|tus|UTC|SHA-256|TOTP|PIN|PDF|ZIP|JavaScript|website|API|HTTPS|macOS|Windows|GNOME|KDE|Dolphin|rclone|Safari|Chrome|Command-K|Ctrl-L|APP-PASSWORD|vendor|webclient\.reg|[kMGTP]?B)\b|#?/s`)

// samples are what everyPage fills in.
var samples = regexp.MustCompile(regexp.QuoteMeta(hostile) + `|clip\.mp4|video/mp4|https://\S+|\b(mia|new|r1|abc|ABC|abcd-efgh)\b`)

var latin = regexp.MustCompile(`[A-Za-z]+`)

// Who reads Chinese meets no word of another language, but names.
func TestChinesePagesHoldNoEnglish(t *testing.T) {
	for name, doc := range everyPage(t, newPages(t, built()).In("zh-CN")) {
		read := func(where, words string) {
			words = proper.ReplaceAllString(samples.ReplaceAllString(words, ""), "")
			if found := latin.FindAllString(words, -1); found != nil {
				t.Errorf("%s: %s says %q", name, where, found)
			}
		}
		doc.Find("*").Each(func(_ int, s *goquery.Selection) {
			node := s.Nodes[0]
			if node.Data == "script" || node.Data == "code" || // what is typed is the same in each language
				s.Closest("[lang]").AttrOr("lang", "") != "zh-CN" {
				return
			}
			for child := node.FirstChild; child != nil; child = child.NextSibling {
				if child.Type == html.TextNode {
					read("<"+node.Data+">", child.Data)
				}
			}
			for _, a := range node.Attr {
				if isRead(node.Data, a.Key, s.AttrOr("property", ""), s.AttrOr("name", "")) {
					read(node.Data+"["+a.Key+"]", a.Val)
				}
			}
		})
	}
}
