package pages

import (
	"embed"
	"html/template"
	syntax "text/template/parse"
)

//go:embed templates/*.html
var templateFiles embed.FS

// shared are the files whose templates all pages may use.
func shared() []string {
	return []string{"icons", "sections", "code", "proof", "elsewhere", "entry", "share-form", "copyable", "app-password-form", "admin-parts", "uploads"}
}

// names are the pages. Each is a file, which fills the layout in: "title" and "main", and "head" if it has one.
func names() []string {
	return []string{
		"login", "register", "forgot",
		"drive",
		"delete",
		"view",
		"details",
		"versions",
		"pick",
		"search",
		"trash",
		"rewind",
		"purge",
		"account",
		"app-passwords",
		"connect",
		"second-factor",
		"second-step",
		"passkey",
		"profile",
		"data",
		"leave",
		"farewell",
		"activity",
		"sessions",
		"shares",
		"shared",
		"password",
		"continue",
		"identities",
		"onward",
		"failure",
		"admin", "admin-users", "admin-user", "admin-delete", "admin-uploads", "admin-newcomers", "admin-audit",
	}
}

// sources are the templates as they were parsed. Pages define the same names, so theirs are kept apart: what belongs to the page "login" is called
// "login/main". That way all pages are one set, and what they share is in memory once for each edition and not once for each page.
type sources struct{ trees map[string]*syntax.Tree }

// own is the name of what belongs to a page.
func own(page, name string) string { return page + "/" + name }

func parseSources() (*sources, error) {
	s := &sources{trees: map[string]*syntax.Tree{}}
	layout, err := parseFile("layout")
	if err != nil {
		return nil, err
	}
	for name, tree := range layout {
		s.trees[name] = tree
	}
	for _, file := range shared() {
		trees, err := parseFile(file)
		if err != nil {
			return nil, err
		}
		for name, tree := range trees {
			s.trees[name] = tree
		}
	}
	for _, page := range names() {
		trees, err := parseFile(page)
		if err != nil {
			return nil, err
		}
		trees["layout"] = layout["layout"].Copy()
		isOwn := func(name string) bool { return trees[name] != nil }
		for name, tree := range trees {
			belong(tree.Root, page, isOwn)
			tree.Name = own(page, name)
			s.trees[tree.Name] = tree
		}
	}
	return s, nil
}

// parseFile answers the templates that a file defines.
func parseFile(name string) (map[string]*syntax.Tree, error) {
	content, err := templateFiles.ReadFile("templates/" + name + ".html")
	if err != nil {
		return nil, err
	}
	all := map[string]*syntax.Tree{}
	parser := syntax.New(name + ".html")
	parser.Mode = syntax.SkipFuncCheck // those of an edition come later
	if _, err := parser.Parse(string(content), "", "", all); err != nil {
		return nil, err
	}
	delete(all, name+".html") // what stands outside of the definitions: nothing
	return all, nil
}

// belong has what is below n call the page's own templates by their names.
func belong(n syntax.Node, page string, isOwn func(name string) bool) {
	branch := func(b *syntax.BranchNode) {
		belong(b.List, page, isOwn)
		if b.ElseList != nil {
			belong(b.ElseList, page, isOwn)
		}
	}
	switch n := n.(type) {
	case *syntax.ListNode:
		for _, each := range n.Nodes {
			belong(each, page, isOwn)
		}
	case *syntax.TemplateNode:
		if isOwn(n.Name) {
			n.Name = own(page, n.Name)
		}
	case *syntax.IfNode:
		branch(&n.BranchNode)
	case *syntax.WithNode:
		branch(&n.BranchNode)
	case *syntax.RangeNode:
		branch(&n.BranchNode)
	}
}

// addTo adds copies of all templates to a set, which changes them as it escapes them.
func (s *sources) addTo(set *template.Template) error {
	for name, tree := range s.trees {
		if _, err := set.AddParseTree(name, tree.Copy()); err != nil {
			return err
		}
	}
	return nil
}
