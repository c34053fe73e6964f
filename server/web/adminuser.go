package web

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
)

func personAddress(id string) string { return adminUsersPath + "/" + id }

// people lists the accounts.
func (h *Web) people(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	q := r.URL.Query()
	v := pages.People{Search: strings.TrimSpace(q.Get("q")), Show: q.Get("show"), Order: q.Get("order")}
	filter := authn.UserFilter{Order: authn.ByName, After: q.Get("after"), Limit: adminPart + 1, Search: v.Search}
	switch v.Order {
	case "newest":
		filter.Order = authn.NewestFirst
	case "oldest":
		filter.Order = authn.OldestFirst
	}
	switch v.Show {
	case "disabled":
		disabled := true
		filter.Disabled = &disabled
	case "admins":
		filter.Role = authn.RoleAdmin
	}
	users, failed := h.accounts.Users(r.Context(), filter)
	if failed != nil && !fault.Is(failed, fault.Invalid) {
		return failed
	}
	v.AdminFrame = adminFrame(r, who, adminUsersPath, failed)
	if len(users) > adminPart {
		users = users[:adminPart]
		v.Next = withQuery(adminUsersPath, "q", v.Search, "show", v.Show, "order", v.Order, "after", filter.AfterUser(users[adminPart-1]))
	}
	if filter.After != "" {
		v.First = withQuery(adminUsersPath, "q", v.Search, "show", v.Show, "order", v.Order)
	}
	var err error
	if v.Items, err = h.personsOf(r.Context(), who, users); err != nil {
		return err
	}
	html, err := h.in(r).People(v)
	if err != nil {
		return err
	}
	return write(w, adminStatus(w, r, failed), html)
}

// personsOf is accounts with what is known of their drives and their use.
func (h *Web) personsOf(ctx context.Context, who authn.Principal, users []authn.User) ([]pages.Person, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	usages, err := h.drives.Usages(ctx, ids)
	if err != nil {
		return nil, err
	}
	seen, err := h.accounts.LastSeen(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]pages.Person, len(users))
	for i, u := range users {
		usage, has := usages[u.ID]
		all[i] = pages.Person{Address: personAddress(u.ID), Username: u.Username, Email: u.Email, Phone: u.Phone, Admin: u.Role == authn.RoleAdmin, Disabled: u.Disabled,
			Self: u.ID == who.UserID, Created: u.Created, Seen: seen[u.ID], Drive: has, Usage: pages.Usage{Used: usage.Used, Quota: usage.Quota}}
	}
	return all, nil
}

func (h *Web) person(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showPerson(w, r, who, pages.PersonPage{}, nil)
}

// showPerson fills in what the page of an account always has.
func (h *Web) showPerson(w http.ResponseWriter, r *http.Request, who authn.Principal, v pages.PersonPage, failed error) error {
	ctx := r.Context()
	u, err := h.accounts.User(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	persons, err := h.personsOf(ctx, who, []authn.User{u})
	if err != nil {
		return err
	}
	v.AdminFrame, v.Person, v.ID = adminFrame(r, who, adminUsersPath, failed), persons[0], u.ID
	v.EmailVerified, v.PhoneVerified, v.SecondFactor = u.EmailVerified, u.PhoneVerified, u.SecondFactor
	if v.Drive {
		usage, err := h.drives.Usages(ctx, []string{u.ID})
		if err != nil {
			return err
		}
		v.Reserved = usage[u.ID].Reserved
	}
	if v.QuotaText == "" {
		v.QuotaText = quotaText(v.Usage.Quota)
	}
	if err := h.howIn(ctx, who, u, &v); err != nil {
		return err
	}
	lines, next, err := h.accounts.AuditLog(ctx, authn.AuditFilter{UserID: u.ID, Limit: shownActivities})
	if err != nil {
		return err
	}
	v.Lines = auditLines(lines, u.ID)
	if next != "" {
		v.More = withQuery(auditPath, "user", u.Username)
	}
	html, err := h.in(r).PersonPage(v)
	if err != nil {
		return err
	}
	return write(w, adminStatus(w, r, failed), html)
}

// howIn is where somebody is signed in, and the app passwords.
func (h *Web) howIn(ctx context.Context, who authn.Principal, u authn.User, v *pages.PersonPage) error {
	sessions, err := h.accounts.Sessions(ctx, authn.Principal{UserID: u.ID, SessionID: who.SessionID})
	if err != nil {
		return err
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, pages.Session{ID: s.ID, Device: pages.Device(s.Device), Address: s.Address, App: s.Kind == "token", Created: s.Created, Seen: s.Seen, Current: s.Current})
	}
	passwords, err := h.accounts.AppPasswords(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, p := range passwords {
		v.AppPasswords = append(v.AppPasswords, pages.AppPassword{ID: p.ID, Name: p.Name, Folder: p.Folder, ReadOnly: p.ReadOnly, Created: p.Created, Seen: p.Seen, Expires: p.Expires, Asks: time.Now()})
	}
	return nil
}

// changePerson does what a form on the page of an account asks for.
func (h *Web) changePerson(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	id, action := r.PathValue("id"), r.PostForm.Get("action")
	if action == "password" {
		made := authn.MakePassword()
		if err := h.administer(r, who).SetPassword(r.Context(), id, made); err != nil {
			return h.showPerson(w, r, who, pages.PersonPage{}, err)
		}
		return h.showPerson(w, r, who, pages.PersonPage{NewPassword: made}, nil)
	}
	done, err := h.doToPerson(r, who, id, action)
	if err != nil {
		return h.showPerson(w, r, who, pages.PersonPage{QuotaText: r.PostForm.Get("quota")}, err)
	}
	return redirect(w, r, withQuery(personAddress(id), "done", done))
}

// doToPerson answers what is to be said when it is done.
func (h *Web) doToPerson(r *http.Request, who authn.Principal, id, action string) (done string, err error) {
	d, ctx := h.administer(r, who), r.Context()
	change := func(c authn.UserChange) error {
		_, err := d.Change(ctx, id, c)
		return err
	}
	disabled, enabled, user, admin := true, false, authn.RoleUser, authn.RoleAdmin
	switch action {
	case "quota":
		quota, err := parseQuota(r.PostForm.Get("quota"))
		if err != nil {
			return "", err
		}
		return action, change(authn.UserChange{Quota: &quota})
	case "disable":
		return action, change(authn.UserChange{Disabled: &disabled})
	case "enable":
		return action, change(authn.UserChange{Disabled: &enabled})
	case "promote":
		return action, change(authn.UserChange{Role: &admin})
	case "demote":
		return action, change(authn.UserChange{Role: &user})
	case "sign-out":
		return action, d.SignOut(ctx, id)
	case "reset-factor":
		return action, d.ResetFactor(ctx, id)
	case "revoke-app-password":
		return "app-password", d.RevokeAppPassword(ctx, id, r.PostForm.Get("id"))
	}
	return "", noSuchForm()
}

// noQuota is how people say that there is no limit.
const noQuota = "none"

// parseQuota reads a size as people write it: 10GiB, 500 MB, none. Negative is no limit.
func parseQuota(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, noQuota) {
		return -1, nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64/2 || len(text) > 32 {
		e := fault.New(fault.Invalid, "web.parseQuota", "A size such as 10GiB or 500MB, or none for no limit.").WithCode("invalid_fields")
		e.Fields = []fault.Field{{Name: "quota", Code: "invalid", Message: e.Public}}
		return 0, e
	}
	return int64(n), nil
}

// quotaText is the other way round, in the largest unit that loses nothing.
func quotaText(quota int64) string {
	if quota < 0 {
		return noQuota
	}
	for _, unit := range [...]struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if quota > 0 && quota%unit.bytes == 0 {
			return strconv.FormatInt(quota/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(quota, 10) + "B"
}

func (h *Web) askRemovePerson(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showRemovePerson(w, r, who, nil)
}

func (h *Web) showRemovePerson(w http.ResponseWriter, r *http.Request, who authn.Principal, failed error) error {
	u, err := h.accounts.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	persons, err := h.personsOf(r.Context(), who, []authn.User{u})
	if err != nil {
		return err
	}
	html, err := h.in(r).RemovePerson(pages.RemovePerson{AdminFrame: adminFrame(r, who, adminUsersPath, failed), Person: persons[0]})
	if err != nil {
		return err
	}
	return write(w, adminStatus(w, r, failed), html)
}

// removePerson closes an account whose name was typed. Its drive is removed behind the answer.
func (h *Web) removePerson(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	u, err := h.accounts.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !(authn.Principal{Username: u.Username}).Named(strings.TrimSpace(r.PostForm.Get("username"))) {
		e := fault.New(fault.Invalid, "web.removePerson", "This is not the name of the account.").WithCode("invalid_fields")
		e.Fields = []fault.Field{{Name: "username", Code: "wrong", Message: e.Public}}
		return h.showRemovePerson(w, r, who, e)
	}
	if err := h.administer(r, who).Delete(r.Context(), u.ID); err != nil {
		return h.showRemovePerson(w, r, who, err)
	}
	return redirect(w, r, withQuery(adminUsersPath, "done", "deleted"))
}
