package satchel_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// refusing are the rooms whose refusals pages show. Those of tus, WebDAV and the API's own are for programs.
var refusing = []string{"fault", "hooks", "preview", "drive", "authn", "openid", "server", "server/web", "server/form", "server/archive"}

// unseen are files in those rooms with sentences that no page shows: what metrics count, profiles, and messages, which have
// a catalogue of their own.
var unseen = []string{"server/metrics.go", "server/collect.go", "server/tally.go", "server/server.go", "server/admin.go", "server/accesslog.go", "server/blobmetrics.go", "server/rooms.go", "authn/message.go"}

// notYet are files whose words go to the catalogues next.
var notYet = []string{"server/web/sessions.go", "server/web/apppassword.go", "server/web/factor.go", "server/web/passkey.go", "server/web/register.go", "server/web/upload.go", "server/web/chosen.go"}

// Whatever pages refuse is told in each of their languages: every sentence in those rooms is in the catalogues.
func TestRefusalsAreTranslated(t *testing.T) {
	words, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{} // sentences, by where they are
	for _, room := range refusing {
		files, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", room, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || slices.Contains(unseen, file) || slices.Contains(notYet, filepath.ToSlash(file)) {
				continue
			}
			for _, s := range sentencesOf(t, file, nil) {
				found[s] = file
			}
		}
	}
	if len(found) < 150 {
		t.Fatalf("only %d sentences were found", len(found))
	}
	for _, sentence := range slices.Sorted(maps.Keys(found)) {
		said := strings.ReplaceAll(sentence, "{}", "7")
		for _, l := range catalogue.Languages() {
			if l != catalogue.English && words.Problem(l, said) == said {
				t.Errorf("%s: %q is not in %s/problems.toml", found[sentence], sentence, l)
			}
		}
	}
}

// sentencesOf are the sentences in the code of a file, with {} for what is filled in. source is the file's content; nil reads it.
func sentencesOf(t *testing.T, file string, source any) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(tree, func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := literal(e)
		if !ok {
			return true
		}
		if isSentence(text) {
			found = append(found, text)
		}
		return false
	})
	return found
}

var verb = regexp.MustCompile(`%[+#]?[a-zA-Z]`)

// literal is the text of an expression that is made of literals in part, with {} for the others.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		x, okX := literal(e.X)
		y, okY := literal(e.Y)
		if !okX {
			x = "{}"
		}
		if !okY {
			y = "{}"
		}
		return x + y, okX || okY
	case *ast.CallExpr:
		if of, ok := e.Fun.(*ast.SelectorExpr); !ok || of.Sel.Name != "Sprintf" || len(e.Args) == 0 {
			return "", false
		}
		format, ok := literal(e.Args[0])
		return strings.ReplaceAll(verb.ReplaceAllString(format, "{}"), "%%", "%"), ok
	}
	return "", false
}

// isSentence tells what people read from the rest by how it is written: it begins like a sentence, and ends like one.
func isSentence(s string) bool {
	first := []rune(strings.TrimPrefix(s, "{} "))
	return len(first) > 2 && (unicode.IsUpper(first[0]) || first[0] == '{' || first[0] == '"') && strings.ContainsAny(s[len(s)-1:], ".?!") && strings.Contains(s, " ")
}

func TestSentencesAreFound(t *testing.T) {
	source := `package x
import "fmt"
const known = "A constant is one."
func f(n int, name string) []string {
	g("drive.Move", "Not without a " + name + ".", fmt.Sprintf("At most %d of %q.", n, name))
	g(fmt.Sprintf("%s And %d%% more.", name, n), "no sentence", "Title", "path/to.", "lower case ends.")
}`
	want := []string{"A constant is one.", "Not without a {}.", "At most {} of {}.", "{} And {}% more."}
	if got := sentencesOf(t, "x.go", source); !slices.Equal(got, want) {
		t.Errorf("found %q; want %q", got, want)
	}
}
