package pages

import (
	"html/template"
	"strconv"
	"strings"
	"unicode"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// event is what an event of the audit log means; one that has no words stays as it is.
func (p *Pages) event(l catalogue.Language, event string) (string, error) {
	key := "event." + event
	if !p.catalogue.Has(l, key) {
		return event, nil
	}
	return p.catalogue.Say(l, key)
}

// detail is what the audit log says besides of an event. Its own phrases, which are English there, have words; names and addresses stay as they are.
func (p *Pages) detail(l catalogue.Language, event, detail string) (template.HTML, error) {
	switch first, rest, _ := strings.Cut(detail, " "); event {
	case "sessions_ended":
		if _, err := strconv.Atoi(first); err == nil && rest == "ended" {
			return p.rich(l, "detail.sessions_ended", "number", first)
		}
	case "quota_changed":
		if n, err := strconv.ParseInt(first, 10, 64); err == nil && rest == "bytes" {
			return isolated(formatSize(n)), nil
		}
	case "user_created": // NAME (ROLE)
		if key := "detail.user_created." + strings.Trim(rest, "()"); p.catalogue.Has(l, key) {
			return p.rich(l, key, "name", first)
		}
	case "invitation_created": // ID for USES
		if uses, found := strings.CutPrefix(rest, "for "); found {
			return p.rich(l, "detail.invitation_created", "name", first, "number", uses)
		}
	case "share_made": // KIND of PATH (ID)
		if of, found := strings.CutPrefix(rest, "of "); found && p.catalogue.Has(l, "detail.share_made."+first) {
			return p.rich(l, "detail.share_made."+first, "name", of)
		}
	case "code_sent", "code_wrong":
		if key := "detail.code." + first; p.catalogue.Has(l, key) {
			return p.rich(l, key, "address", rest)
		}
	}
	words := strings.FieldsFunc(detail, func(r rune) bool { return !unicode.IsLetter(r) })
	if key := "detail." + event + "." + strings.Join(words, "-"); p.catalogue.Has(l, key) {
		return p.rich(l, key)
	}
	return isolated(detail), nil
}
