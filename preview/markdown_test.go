package preview

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// elements are all that Markdown becomes, with the attributes that they may have.
var elements = map[string]string{
	"p": "", "h1": "", "h2": "", "h3": "", "h4": "", "h5": "", "h6": "", "em": "", "strong": "", "del": "", "code": "", "pre": "tabindex", "br": "", "hr": "",
	"blockquote": "", "ul": "", "ol": "start", "li": "", "table": "", "thead": "", "tbody": "", "tr": "", "th": "align", "td": "align", "a": "href rel",
}

// harmless says what is in HTML that must not be; "" if nothing.
func harmless(page string) string {
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.CommentToken, html.DoctypeToken:
			return "a comment or doctype: " + z.Token().String()
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			may, known := elements[t.Data]
			if !known {
				return "an element: " + t.String()
			}
			for _, a := range t.Attr {
				if !strings.Contains(" "+may+" ", " "+a.Key+" ") {
					return "an attribute: " + t.String()
				}
				if a.Key == "href" && !leadsWhereItMay(a.Val) {
					return "a link: " + t.String()
				}
			}
		}
	}
}

func leadsWhereItMay(address string) bool {
	for _, start := range []string{"/view/", "http://", "https://", "mailto:"} {
		if strings.HasPrefix(address, start) {
			return !strings.Contains(address, "/../") && !strings.Contains(address, `\`)
		}
	}
	return false
}

func TestMarkdown(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"# Title\n\nSome *text*.", "<h1>Title</h1>\n<p>Some <em>text</em>.</p>\n"},
		{"<script>alert(1)</script>", ""},
		{"a <img src=x onerror=alert(1)> b", "<p>a  b</p>\n"},
		{"<div onclick=alert(1)>\n\n**x**\n\n</div>", "<p><strong>x</strong></p>\n"},
		{"[x](javascript:alert(1))", "<p>x</p>\n"},
		{"[x](JaVaScRiPt&colon;alert(1))", "<p>x</p>\n"},
		{"[x](&#106;avascript:alert(1))", "<p>x</p>\n"},
		{"[x](data:text/html,<script>)", "<p>x</p>\n"},
		{"[x](vbscript:x) [x](file:///etc/passwd) [x](blob:x) <javascript:alert(1)>", "<p>x x x javascript:alert(1)</p>\n"},
		{"![cat](https://tracker.example/x.png)", `<p><a href="https://tracker.example/x.png" rel="noopener noreferrer nofollow">cat</a></p>` + "\n"},
		{"[![cat](b.png)](c.md)", `<p><a href="/view/notes/c.md">cat</a></p>` + "\n"},
		{"[x](//evil.example) [x](/logout) [x](\\\\evil.example) [x](/\\evil.example) [x](?a=b)", "<p>x x x x x</p>\n"},
		{"[x](../open) [x](../../open) [x](..%2f..%2fopen) [x](%2e%2e/%2e%2e/open)", `<p><a href="/view/open">x</a> x <a href="/view/notes/..%2f..%2fopen">x</a> x</p>` + "\n"},
		{"[x](a%20b.md) [x](sub/c.md#d) [x](<s p.md>)", `<p><a href="/view/notes/a%20b.md">x</a> <a href="/view/notes/sub/c.md">x</a> <a href="/view/notes/s%20p.md">x</a></p>` + "\n"},
		{"[x](https://a:b@bank.example) [x](https://example.org/?a=\"><b>)", `<p>x <a href="https://example.org/?a=%22%3E%3Cb%3E" rel="noopener noreferrer nofollow">x</a></p>` + "\n"},
		{"<ann@example.org>", `<p><a href="mailto:ann@example.org" rel="noopener noreferrer nofollow">ann@example.org</a></p>` + "\n"},
		{"| a |\n|:-:|\n| b |", "<table>\n<thead>\n<tr>\n<th align=\"center\">a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"center\">b</td>\n</tr>\n</tbody>\n</table>\n"},
		{"```html\" onload=\"x\n<b>\n```", "<pre tabindex=\"0\"><code>&lt;b&gt;\n</code></pre>\n"},
		{"x\n\n    a <b> &amp;\n\n      c\n\ny", "<p>x</p>\n<pre tabindex=\"0\"><code>a &lt;b&gt; &amp;amp;\n\n  c\n</code></pre>\n<p>y</p>\n"},
		{"# x {#y onclick=alert(1)}", "<h1>x {#y onclick=alert(1)}</h1>\n"},
	} {
		got, err := renderMarkdown([]byte(c.text), "/view/notes/", "/view/")
		if err != nil || string(got) != c.want {
			t.Errorf("%q\n got %q\nwant %q (%v)", c.text, got, c.want, err)
		}
		if wrong := harmless(string(got)); wrong != "" {
			t.Errorf("%q: %s", c.text, wrong)
		}
	}
}

// Hard, for the tests outside of the package too, is text that makes parsers of Markdown slow, or deep.
func Hard() map[string]string {
	fill := func(part string) string { return strings.Repeat(part, MaxText/len(part)) }
	return map[string]string{
		"quotes in quotes":    fill(">"),
		"lists in lists":      fill("- "),
		"links in links":      fill("[a]("),
		"open emphasis":       fill("*a **a "),
		"emphasis both ways":  fill("a**b") + fill("c* "),
		"backticks":           fill("`a``b```"),
		"entities":            fill("&"),
		"autolinks":           fill("<http://a"),
		"tables":              "|" + fill("a|")[:MaxText/2] + "\n|" + fill("-|")[:MaxText/2],
		"footnotes and links": fill("[a]: b\n[a]"),
		"nothing but lines":   fill("\n"),
		"raw HTML":            fill("<!--"),
		"nested quotes":       fill("> > > > > > > > a\n"),
	}
}

// Whatever the text, its page has no element, attribute or link beside those above.
func FuzzMarkdown(f *testing.F) {
	for _, text := range []string{"# a *b* [c](d) ![e](f) <g> `h`", "[x](javascript:alert(1))", "| a |\n|:-:|\n| ~~b~~ |", "<http://a> <b@c.d>\n\n[x]: &#106;avascript:1 'y'\n[x]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := renderMarkdown(b, "/view/notes/", "/view/")
		if err != nil {
			t.Fatal(err)
		}
		if wrong := harmless(string(got)); wrong != "" {
			t.Errorf("%s\n%s", wrong, got)
		}
	})
}
