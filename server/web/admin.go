package web

import (
	"net/http"
	"net/url"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	adminPath       = "/admin"
	adminUsersPath  = adminPath + "/users"
	transfersPath   = adminPath + "/uploads"
	newcomersPath   = adminPath + "/newcomers"
	auditPath       = adminPath + "/audit"
	adminPart       = 50 // rows on a page
	shownActivities = 15 // lines on the page of an account
)

// adminRoutes is for administrators. To others none of it is there.
func (h *Web) adminRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + adminPath:                        h.admin(h.showOverview),
		"GET " + adminUsersPath:                   h.admin(h.people),
		"GET " + adminUsersPath + "/{id}":         h.admin(h.person),
		"POST " + adminUsersPath + "/{id}":        h.admin(h.changePerson),
		"GET " + adminUsersPath + "/{id}/delete":  h.admin(h.askRemovePerson),
		"POST " + adminUsersPath + "/{id}/delete": h.admin(h.removePerson),
		"GET " + transfersPath:                    h.admin(h.adminUploads),
		"POST " + transfersPath:                   h.admin(h.endAdminUpload),
		"GET " + newcomersPath:                    h.admin(h.newcomers),
		"POST " + newcomersPath:                   h.admin(h.changeNewcomers),
		"GET " + auditPath:                        h.admin(h.audit),
	}
}

// admin is private for administrators. Other users find what they find at any address that is none.
func (h *Web) admin(handler func(w http.ResponseWriter, r *http.Request, who authn.Principal) error) answer.Handler {
	return h.private(func(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
		if who.Role != authn.RoleAdmin {
			return h.nothing(w, r)
		}
		return handler(w, r, who)
	})
}

// adminDone is what a form did, as the address says that it leads to; nil for what is no form's.
func adminDone(done string) *pages.Message {
	switch done {
	case "quota":
		return pages.Say("admin.done.quota")
	case "sign-out":
		return pages.Say("admin.done.sign-out")
	case "reset-factor":
		return pages.Say("admin.done.reset-factor")
	case "disable":
		return pages.Say("admin.done.disable")
	case "enable":
		return pages.Say("admin.done.enable")
	case "promote":
		return pages.Say("admin.done.promote")
	case "demote":
		return pages.Say("admin.done.demote")
	case "app-password":
		return pages.Say("admin.done.app-password")
	case "deleted":
		return pages.Say("admin.done.deleted")
	case "upload":
		return pages.Say("admin.done.upload")
	case "revoked":
		return pages.Say("admin.done.revoked")
	}
	return nil
}

// adminFrame is what every page for administrators has. What a form did stands in the address that it leads to.
func adminFrame(r *http.Request, who authn.Principal, here string, failed error) pages.AdminFrame {
	f := pages.AdminFrame{Frame: pages.Frame{User: who.Username}, Here: here}
	if failed != nil {
		f.Problem = problemOf(r, failed, false)
	} else {
		f.Done = adminDone(r.URL.Query().Get("done"))
	}
	return f
}

// adminStatus is the status of a page that tells why a form did nothing, if it did.
func adminStatus(w http.ResponseWriter, r *http.Request, failed error) int {
	if failed == nil {
		return http.StatusOK
	}
	return report(w, r, failed)
}

// administer is what who does to accounts.
func (h *Web) administer(r *http.Request, who authn.Principal) authn.Administration {
	return h.accounts.Administer(who, h.client(r))
}

// withQuery is an address with a query of what is not empty.
func withQuery(address string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return address
	}
	return address + "?" + q.Encode()
}

// noSuchForm refuses a form that nobody was given.
func noSuchForm() error {
	return fault.New(fault.Invalid, "web.admin", "The form asks for nothing that can be done here.")
}

func (h *Web) showOverview(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	o, err := h.overview.Take(r.Context())
	if err != nil {
		return err
	}
	v := pages.Overview{AdminFrame: adminFrame(r, who, adminPath, nil), Version: o.Version, Users: o.Users.All, Disabled: o.Users.Disabled, Administrators: o.Users.Administrators,
		Used: o.Totals.Used, Files: o.Totals.Files, Folders: o.Totals.Folders, Counted: o.Totals.Counted, Uploads: o.Totals.Uploads, StoreFailed: o.StoreFailed,
		Scrub: pages.Scrub{Damaged: o.Scrub.Damaged, Whole: o.Scrub.Whole, Never: o.Scrub.Every == 0}}
	if o.SpaceKnown {
		v.Disk = pages.Disk{Free: o.Space.Free, Total: o.Space.Total}
	}
	for _, j := range o.Jobs {
		v.Jobs = append(v.Jobs, pages.Job{Name: j.Name, Failures: j.Failures, Ended: j.Ended, Well: j.Well})
	}
	html, err := h.in(r).Overview(v)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

func (h *Web) adminUploads(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showAdminUploads(w, r, who, nil)
}

func (h *Web) showAdminUploads(w http.ResponseWriter, r *http.Request, who authn.Principal, failed error) error {
	all, err := h.drives.Transfers(r.Context(), r.URL.Query().Get("after"), adminPart+1)
	if err != nil {
		return err
	}
	v := pages.AdminUploads{AdminFrame: adminFrame(r, who, transfersPath, failed)}
	if len(all) > adminPart {
		all = all[:adminPart]
		v.Next = withQuery(transfersPath, "after", all[adminPart-1].ID)
	}
	ids := make([]string, len(all))
	for i, t := range all {
		ids[i] = t.DriveID
	}
	names, err := h.accounts.Usernames(r.Context(), ids)
	if err != nil {
		return err
	}
	for _, t := range all {
		v.Items = append(v.Items, pages.AdminUpload{ID: t.ID, User: names[t.DriveID], UserAddress: personAddress(t.DriveID), Kind: "admin.uploads.kind." + string(t.Kind),
			MediaType: t.MediaType, Size: t.Length, Offset: t.Offset, Created: t.Created, Active: t.Active, Expires: t.Expires})
	}
	html, err := h.in(r).AdminUploads(v)
	if err != nil {
		return err
	}
	return write(w, adminStatus(w, r, failed), html)
}

// endAdminUpload ends an upload of anybody's. The audit log tells it first.
func (h *Web) endAdminUpload(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	if r.PostForm.Get("action") != "end" {
		return noSuchForm()
	}
	t, err := h.drives.Transfer(r.Context(), r.PostForm.Get("id"))
	if err == nil {
		if err = h.administer(r, who).RecordUploadEnded(r.Context(), t.DriveID, t.ID); err == nil {
			err = h.drives.EndTransfer(r.Context(), t.ID)
		}
	}
	if err != nil {
		return h.showAdminUploads(w, r, who, err)
	}
	return redirect(w, r, withQuery(transfersPath, "done", "upload"))
}
