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

	"golang.org/x/net/html"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// notYet are templates whose words are not in the catalogues yet.
var notYet = []string{
	"share-form", "shared", "shares",
}

// spoken are attributes that people read or hear. What begins with data- may be, too: the script shows it.
var spoken = []string{"title", "alt", "aria-label", "aria-description", "placeholder", "label", "content"}

// silent are attributes beginning with data- that hold no words.
var silent = []string{"data-do", "data-all", "data-kind", "data-endpoint", "data-events", "data-units", "data-options"}

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
		found := wordsOf(t, file)
		if later := slices.Contains(notYet, name); later && len(found) == 0 {
			t.Errorf("%s holds no words any more: take it off the list", name)
		} else if later {
			continue
		}
		for _, words := range found {
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
				read := slices.Contains(spoken, a.Key) || strings.HasPrefix(a.Key, "data-") && !slices.Contains(silent, a.Key)
				if token.Data == "meta" && attribute(token, "property") == "" && a.Key == "content" && attribute(token, "name") != "description" {
					read = false
				}
				if read && hasWords(a.Val) {
					found = append(found, a.Key+"="+a.Val)
				}
			}
		}
	}
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
		`<p data-many="# chosen" data-do="none"></p>`:    {"data-many=# chosen"},
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
	for _, s := range accountSections() {
		keys = append(keys, s.Key)
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
