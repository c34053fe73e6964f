package dav

import (
	"encoding/xml"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/webdav"

	"github.com/satchelhq/satchel/fault"
)

// maxNames bounds the properties that one PROPFIND asks for by name.
const maxNames = 256

// findKind is which of the three questions a PROPFIND asks.
type findKind uint8

const (
	findAll   findKind = iota // all that an allprop answer holds, and what include names
	findNames                 // which properties there are
	findProps                 // these
)

// propfind is what a PROPFIND body asks for (RFC 4918, section 14.20).
type propfind struct {
	kind  findKind
	names []xml.Name // of prop, or of allprop's include; each once
}

// parsePropfind reads the body; nil asks for everything (section 9.1). Elements that it does not know
// it passes over (section 17).
func parsePropfind(root *element) (propfind, error) {
	if root == nil {
		return propfind{kind: findAll}, nil
	}
	if !root.is("propfind") {
		return propfind{}, invalidBody("propfind")
	}
	var find propfind
	asked := 0
	for _, e := range root.children() {
		switch {
		case e.is("allprop"):
			find.kind = findAll
		case e.is("propname"):
			find.kind = findNames
		case e.is("prop"):
			find.kind = findProps
		default:
			continue
		}
		asked++
	}
	if asked != 1 {
		return propfind{}, invalidBody("one of allprop, propname and prop")
	}
	from := root.child("prop")
	if find.kind == findAll {
		from = root.child("include")
	}
	if from == nil || find.kind == findNames {
		return find, nil
	}
	var err error
	find.names, err = parseNames(from)
	return find, err
}

// parseNames are the names of the elements in a prop or include, each once.
func parseNames(prop *element) (names []xml.Name, err error) {
	for _, e := range prop.children() {
		if !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	if len(names) > maxNames {
		return nil, tooMuchXML("properties asked for")
	}
	return names, nil
}

// parseLimit reads how many responses a client wants at most (RFC 5323, section 5.17); one that says no number asks for no limit.
func parseLimit(limit *element) (n int, limited bool, err error) {
	results := limit.child("nresults")
	if results == nil {
		return 0, false, nil
	}
	n, err = strconv.Atoi(trimmed(results))
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt, true, nil
	}
	if err != nil || n < 0 {
		return 0, false, invalidBody("a number in nresults")
	}
	return n, true, nil
}

func trimmed(e *element) string { return strings.TrimSpace(e.text()) }

// patch is one instruction of a PROPPATCH.
type patch struct {
	remove   bool
	property webdav.Property // InnerXML stands alone
	text     string          // the value without markup, for properties that are dates or checksums
	elements []xml.Name      // those right in the value, for the type of a resource
}

// parsePropertyUpdate reads a PROPPATCH body (section 14.19) into instructions in the order of the document.
// Of several for one property the last one counts, and only that one is in the result.
func parsePropertyUpdate(root *element) ([]patch, error) {
	if root == nil || !root.is("propertyupdate") {
		return nil, invalidBody("propertyupdate")
	}
	all, err := parsePatches(root)
	if err == nil && len(all) == 0 {
		err = invalidBody("set or remove")
	}
	return all, err
}

// parsePatches reads the instructions in a propertyupdate or mkcol. None is removed that was never set, so mkcol needs no word for it.
func parsePatches(root *element) ([]patch, error) {
	var all []patch
	for _, e := range root.children() {
		if !e.is("set") && !e.is("remove") {
			continue
		}
		prop := e.child("prop")
		if prop == nil {
			return nil, invalidBody("prop")
		}
		for _, p := range prop.children() {
			one := patch{remove: e.is("remove"), property: webdav.Property{XMLName: p.name}}
			if !one.remove {
				value, err := p.inner()
				if err != nil {
					return nil, err
				}
				one.property.InnerXML, one.property.Lang, one.text = []byte(value), p.language, p.text()
				if p.name == oc("checksums") {
					for _, sum := range p.children() {
						one.text += " " + sum.text()
					}
				}
				for _, e := range p.children() {
					one.elements = append(one.elements, e.name)
				}
			}
			all = slices.DeleteFunc(all, func(earlier patch) bool { return earlier.property.XMLName == p.name })
			all = append(all, one)
		}
	}
	return all, nil
}

// lockInfo is what a LOCK body asks for (section 14.11).
type lockInfo struct {
	shared bool
	owner  string // inner XML that stands alone
}

func parseLockInfo(root *element) (lockInfo, error) {
	if !root.is("lockinfo") {
		return lockInfo{}, invalidBody("lockinfo")
	}
	scope, kind := root.child("lockscope"), root.child("locktype")
	if scope == nil || kind == nil || kind.child("write") == nil {
		return lockInfo{}, invalidBody("lockscope and a locktype of write")
	}
	info := lockInfo{shared: scope.child("shared") != nil}
	if info.shared == (scope.child("exclusive") != nil) {
		return lockInfo{}, invalidBody("either exclusive or shared")
	}
	if owner := root.child("owner"); owner != nil {
		var err error
		if info.owner, err = owner.inner(); err != nil {
			return lockInfo{}, err
		}
	}
	return info, nil
}

func invalidBody(want string) error {
	return fault.New(fault.Invalid, "dav.parseBody", "The body must hold "+want+".").WithCode("invalid_xml")
}
