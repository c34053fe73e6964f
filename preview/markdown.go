package preview

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/satchelhq/satchel/fault"
)

const (
	// MaxText is how many bytes of text a page shows.
	MaxText = 512 << 10
	// maxMarkdownHTML bounds what becomes of it.
	maxMarkdownHTML = 8 << 20
	// readingPatience is how long a page waits for Markdown: for its turn, and for the workshop.
	readingPatience = 3 * time.Second
)

// bench is the one workshop that pages of Markdown come from.
type bench struct {
	turn chan struct{} // holds one while it is in use
	workshop
	idle *time.Timer
}

func newBench(o Options) *bench {
	return &bench{turn: make(chan struct{}, 1), workshop: workshop{command: o.Command, memory: markdownMemory}}
}

// markdownMemory bounds what a page of Markdown may take, in bytes.
const markdownMemory = 64 << 20

// Markdown answers CommonMark with tables and struck text as HTML that is safe in a page: raw HTML is left out, nothing is loaded, and links
// lead to http, https and mailto addresses or, if they are relative, from the address folder to one below top, both of which end in "/". The text is at most
// MaxText long. Busy if too many want it, or if it is too hard: the text itself is what can be shown then.
func (p *Previews) Markdown(ctx context.Context, content []byte, folder, top string) ([]byte, error) {
	if len(p.o.Command) == 0 {
		return nil, fault.New(fault.Busy, "preview.Markdown", "")
	}
	ctx, stop := context.WithTimeout(ctx, readingPatience)
	defer stop()
	select {
	case p.pages.turn <- struct{}{}:
		defer func() { <-p.pages.turn }()
	case <-ctx.Done():
		return nil, fault.As(fault.Busy, "preview.Markdown", ctx.Err())
	}
	d, pieces, err := p.pages.do(ctx, order{What: orderMarkdown, Size: int64(len(content)), Work: int64(readingPatience), Folder: folder, Top: top},
		bytes.NewReader(content), readingPatience, maxMarkdownHTML)
	p.pages.rest()
	if err != nil {
		return nil, fault.As(fault.Busy, "preview.Markdown", err)
	}
	if len(pieces) != 1 {
		return nil, fault.As(fault.Busy, "preview.Markdown", errors.New(d.None))
	}
	return pieces[0], nil
}

// rest ends the workshop once nobody has used it for a while. It is called by who has the turn.
func (b *bench) rest() {
	if b.idle != nil {
		b.idle.Stop()
	}
	b.idle = time.AfterFunc(idlePatience, b.close)
}

// close ends the workshop unless it is in use.
func (b *bench) close() {
	select {
	case b.turn <- struct{}{}:
		b.kill()
		<-b.turn
	default:
	}
}

// renderMarkdown is Markdown's work in the workshop.
func renderMarkdown(content []byte, folder, top string) ([]byte, error) {
	links := linkRenderer{folder: folder, top: top}
	markdown := goldmark.New(
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), // a style would be against the page's policy
			extension.Strikethrough,
		),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(links, 1))),
	)
	document := markdown.Parser().Parse(text.NewReader(content), parser.WithContext(parser.NewContext()))
	var page bytes.Buffer
	err := markdown.Renderer().Render(&page, content, document)
	return page.Bytes(), err
}

// linkRenderer writes what would lead somewhere or load something. It replaces goldmark's renderers of these nodes.
type linkRenderer struct{ folder, top string }

// RegisterFuncs implements renderer.NodeRenderer.
func (l linkRenderer) RegisterFuncs(to renderer.NodeRendererFuncRegisterer) {
	to.Register(ast.KindLink, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		l.write(w, string(n.(*ast.Link).Destination), entering)
		return ast.WalkContinue, nil
	})
	// An image is a link to it, with its description.
	to.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n.Parent().Kind() == ast.KindLink { // which leads elsewhere already
			return ast.WalkContinue, nil
		}
		l.write(w, string(n.(*ast.Image).Destination), entering)
		return ast.WalkContinue, nil
	})
	to.Register(ast.KindAutoLink, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		link := n.(*ast.AutoLink)
		address := string(link.URL(source))
		if link.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
			address = "mailto:" + address
		}
		if entering {
			l.write(w, address, true)
			_, _ = w.Write(util.EscapeHTML(link.Label(source)))
			l.write(w, address, false)
		}
		return ast.WalkContinue, nil
	})
	to.Register(ast.KindCodeBlock, code)
	to.Register(ast.KindFencedCodeBlock, code)
	to.Register(ast.KindRawHTML, omitted)
	to.Register(ast.KindHTMLBlock, omitted)
}

// code writes a block of code, whose lines are not wrapped: by tabindex it can be scrolled by keys too (WCAG 2.2, 2.1.1).
func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, _ = w.WriteString(`<pre tabindex="0"><code>`)
	for _, line := range n.Lines().Sliced(0, n.Lines().Len()) {
		html.DefaultWriter.RawWrite(w, line.Value(source))
	}
	_, _ = w.WriteString("</code></pre>\n")
	return ast.WalkSkipChildren, nil
}

// omitted leaves out raw HTML with all that is in it.
func omitted(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkSkipChildren, nil
}

// write writes one end of a link; of one that leads where it may not, nothing.
func (l linkRenderer) write(w util.BufWriter, address string, entering bool) {
	to, local := l.resolve(address)
	switch {
	case to == "":
	case !entering:
		_, _ = w.WriteString("</a>")
	default:
		_, _ = w.WriteString(`<a href="`)
		_, _ = w.Write(util.EscapeHTML([]byte(to)))
		if local {
			_, _ = w.WriteString(`">`)
		} else {
			_, _ = w.WriteString(`" rel="noopener noreferrer nofollow">`)
		}
	}
}

// resolve answers where a link leads, as an address that starts with a scheme or with l.top, or "" if it may not lead there.
func (l linkRenderer) resolve(address string) (to string, local bool) {
	spelled := string(util.URLEscape([]byte(address), true)) // as CommonMark reads it: escapes and entities are resolved
	u, err := url.Parse(spelled)
	if err != nil || strings.Contains(strings.ToUpper(spelled), "%5C") || strings.Contains(spelled, "\\") {
		return "", false
	}
	switch {
	case u.Scheme == "http" || u.Scheme == "https":
		if u.Host == "" || u.User != nil {
			return "", false
		}
		return u.String(), false
	case u.Scheme == "mailto":
		return u.String(), false
	case u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.HasPrefix(u.Path, "/") || u.Path == "":
		return "", false
	}
	base, err := url.Parse(l.folder)
	if err != nil {
		return "", false
	}
	// Each name is escaped by itself, so that what was %2F stays part of a name; dot segments are resolved here and nowhere else.
	names := strings.Split(u.EscapedPath(), "/")
	for _, name := range names {
		if plain, err := url.PathUnescape(name); err != nil || (plain != name && (plain == "." || plain == "..")) {
			return "", false
		}
	}
	joined := path.Join(base.EscapedPath(), path.Join(names...))
	if !strings.HasPrefix(joined+"/", l.top) {
		return "", false
	}
	return joined, true
}
