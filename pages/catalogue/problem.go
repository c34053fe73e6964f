package catalogue

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// problemsFile has the translations of refusals, by the sentence in English.
const problemsFile = "problems.toml"

// problems are the translations into a language.
type problems struct {
	whole    map[string]string
	patterns []pattern // of sentences that differ in a name or a number
}

// pattern is a sentence with gaps, and its translation with the same gaps.
type pattern struct {
	source      string
	sentence    *regexp.Regexp
	translation string
}

// gap is what differs from one refusal to the next: {name}.
var gap = regexp.MustCompile(`\{[a-z_]+\}`)

// readProblems reads a language's refusals. There are none in English: that is what they are written in.
func readProblems(l Language) (problems, error) {
	p := problems{whole: map[string]string{}}
	content, err := files.ReadFile(string(l) + "/" + problemsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	all := map[string]string{}
	if err := toml.Unmarshal(content, &all); err != nil {
		return p, fmt.Errorf("%s/%s: %w", l, problemsFile, err)
	}
	for source, translation := range all {
		if !gap.MatchString(source) {
			p.whole[source] = translation
			continue
		}
		made, err := newPattern(source, translation)
		if err != nil {
			return p, fmt.Errorf("%s/%s: %q: %w", l, problemsFile, source, err)
		}
		p.patterns = append(p.patterns, made)
	}
	// The one that says most is tried first.
	slices.SortFunc(p.patterns, func(a, b pattern) int {
		if d := len(b.source) - len(a.source); d != 0 {
			return d
		}
		return strings.Compare(a.source, b.source)
	})
	return p, nil
}

func newPattern(source, translation string) (pattern, error) {
	var expression strings.Builder
	rest := source
	for _, found := range gap.FindAllString(source, -1) {
		if !strings.Contains(translation, found) {
			return pattern{}, fmt.Errorf("the translation lacks %s", found)
		}
		before, after, _ := strings.Cut(rest, found)
		fmt.Fprintf(&expression, "%s(?P<%s>.+)", regexp.QuoteMeta(before), found[1:len(found)-1])
		rest = after
	}
	expression.WriteString(regexp.QuoteMeta(rest))
	for _, g := range gap.FindAllString(translation, -1) {
		if !strings.Contains(source, g) {
			return pattern{}, fmt.Errorf("the translation fills %s with nothing", g)
		}
	}
	sentence, err := regexp.Compile("^(?s:" + expression.String() + ")$")
	if err != nil {
		return pattern{}, err
	}
	return pattern{source: source, sentence: sentence, translation: translation}, nil
}

// Problem is a refusal (fault.Public) for who reads l. What fills a gap is looked up, too ("5 minutes"), and what the
// catalogue does not have stays as it is.
func (c *Catalogue) Problem(l Language, sentence string) string {
	p := c.problems[l]
	if translation, ok := p.whole[sentence]; ok {
		return translation
	}
	for _, candidate := range p.patterns {
		if found := candidate.sentence.FindStringSubmatch(sentence); found != nil {
			return gap.ReplaceAllStringFunc(candidate.translation, func(g string) string {
				return c.Problem(l, found[candidate.sentence.SubexpIndex(g[1:len(g)-1])])
			})
		}
	}
	return sentence
}
