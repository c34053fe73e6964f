package dav

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// The bounds of an If header. Each resource that it names costs two queries.
const (
	maxIfBytes      = 16 << 10
	maxIfConditions = 256
	maxIfResources  = 16
)

// ifHeader is an If header (RFC 4918, section 10.4). It holds when one of its lists does.
type ifHeader []ifList

// ifList holds when all of its conditions do for the resource.
type ifList struct {
	resource   string // the tag as sent, a URL or a path; empty is the resource of the request
	conditions []ifCondition
}

// ifCondition is one of a state token and an entity tag.
type ifCondition struct {
	not   bool
	token string // without its angle brackets
	etag  string // as sent, quotes and W/ included
}

// ifState is what a condition is held against.
type ifState struct {
	etag   string   // empty if nothing is there, or if it has none
	tokens []string // of the locks that cover the resource
}

// tokens are all state tokens in the header. To stand in it is what submits a token, whichever list
// it is in and whether or not that list holds (section 10.4.1).
func (h ifHeader) tokens() []string {
	var all []string
	for _, list := range h {
		for _, c := range list.conditions {
			if c.token != "" {
				all = append(all, c.token)
			}
		}
	}
	return all
}

// resources are the tags, each once; the empty one is the resource of the request.
func (h ifHeader) resources() []string {
	var all []string
	seen := map[string]bool{}
	for _, list := range h {
		if !seen[list.resource] {
			seen[list.resource] = true
			all = append(all, list.resource)
		}
	}
	return all
}

// holds evaluates the header; state answers for a tag. An empty header holds.
func (h ifHeader) holds(state func(resource string) ifState) bool {
	for _, list := range h {
		if list.holds(state(list.resource)) {
			return true
		}
	}
	return len(h) == 0
}

func (l ifList) holds(state ifState) bool {
	for _, c := range l.conditions {
		if c.matches(state) == c.not {
			return false
		}
	}
	return true
}

// matches leaves Not aside. Entity tags are compared strongly, so a weak one matches nothing.
func (c ifCondition) matches(state ifState) bool {
	if c.etag != "" {
		return c.etag == state.etag
	}
	for _, token := range state.tokens {
		if token == c.token {
			return true
		}
	}
	return false
}

// parseIf reads the If header; without one the result is empty. What the grammar does not have is Invalid:
// to take it as a condition that fails, or holds, would be a guess.
func parseIf(header http.Header) (ifHeader, error) {
	values := header.Values("If")
	switch {
	case len(values) == 0:
		return nil, nil
	case len(values) > 1:
		return nil, invalidIf("it is there twice")
	case len(values[0]) > maxIfBytes:
		return nil, fault.New(fault.TooLarge, "dav.parseIf", "The If header is too long.").WithCode("invalid_if")
	}
	p := &ifParser{rest: values[0]}
	return p.header()
}

func invalidIf(why string) error {
	return fault.New(fault.Invalid, "dav.parseIf", "The If header is not valid: "+why+".").WithCode("invalid_if")
}

type ifParser struct {
	rest       string
	conditions int
}

func (p *ifParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take answers whether the rest begins with c, and goes past it.
func (p *ifParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// header is 1*List, or 1*(Resource-Tag 1*List): tags stand before all lists or before none.
func (p *ifParser) header() (ifHeader, error) {
	var lists ifHeader
	resource, tagged := "", false
	for p.skip(); p.rest != ""; p.skip() {
		switch {
		case p.take('('):
			conditions, err := p.list()
			if err != nil {
				return nil, err
			}
			lists = append(lists, ifList{resource, conditions})
			tagged = false
		case p.take('<'):
			if tagged || len(lists) > 0 && resource == "" {
				return nil, invalidIf("a resource without a list")
			}
			var err error
			if resource, err = p.bracketed(); err != nil {
				return nil, err
			}
			if u, err := url.Parse(resource); err != nil || !strings.HasPrefix(u.Path, "/") {
				return nil, invalidIf("a resource is neither a URL nor a path")
			}
			tagged = true
		default:
			return nil, invalidIf("it holds something else than lists and resources")
		}
	}
	if tagged || len(lists) == 0 {
		return nil, invalidIf("a list is missing")
	}
	if len(lists.resources()) > maxIfResources {
		return nil, fault.New(fault.TooLarge, "dav.parseIf", "The If header names too many resources.").WithCode("invalid_if")
	}
	return lists, nil
}

// list is 1*Condition and the closing parenthesis; the opening one is behind.
func (p *ifParser) list() ([]ifCondition, error) {
	var all []ifCondition
	for p.skip(); !p.take(')'); p.skip() {
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		if p.conditions++; p.conditions > maxIfConditions {
			return nil, fault.New(fault.TooLarge, "dav.parseIf", "The If header holds too many conditions.").WithCode("invalid_if")
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, invalidIf("a list is empty")
	}
	return all, nil
}

func (p *ifParser) condition() (c ifCondition, err error) {
	if len(p.rest) >= 3 && strings.EqualFold(p.rest[:3], "Not") {
		c.not = true
		p.rest = p.rest[3:]
		p.skip()
	}
	switch {
	case p.take('<'):
		c.token, err = p.bracketed()
	case p.take('['):
		p.skip()
		var ok bool
		if c.etag, p.rest, ok = cutETag(p.rest); !ok {
			return c, invalidIf("an entity tag is not quoted")
		}
		if p.skip(); !p.take(']') {
			return c, invalidIf("an entity tag is not closed")
		}
	default:
		err = invalidIf("a condition is neither a token nor an entity tag")
	}
	return c, err
}

// bracketed is what stands before the closing angle bracket; the opening one is behind.
func (p *ifParser) bracketed() (string, error) {
	value, rest, ok := strings.Cut(p.rest, ">")
	if !ok || value == "" || strings.ContainsAny(value, "< \t\r\n") {
		return "", invalidIf("angle brackets do not hold one URL")
	}
	p.rest = rest
	return value, nil
}
