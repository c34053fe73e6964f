package web

import (
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const connectPath = accountPath + "/connect"

// connectRoutes is how to use the drive from other programs.
func (h *Web) connectRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + connectPath:                    h.private(h.connect),
		"POST " + connectPath:                   h.private(h.connectDevice),
		"GET " + connectPath + "/webclient.reg": h.private(h.windowsSettings),
	}
}

func (h *Web) connect(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showConnect(w, r, who, http.StatusOK, pages.Connect{})
}

// connectDevice makes an app password for a device.
func (h *Web) connectDevice(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	form := pages.AppPasswordForm{Name: r.PostForm.Get("name")}
	made, err := h.madeAppPassword(r, who, form)
	if err != nil {
		status := reportForm(w, r, err)
		v := pages.Connect{Form: form}
		v.Problem = appPasswordProblem(r, err)
		return h.showConnect(w, r, who, status, v)
	}
	return h.showConnect(w, r, who, http.StatusOK, pages.Connect{Made: made})
}

// showConnect fills in what the page always has.
func (h *Web) showConnect(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, v pages.Connect) error {
	problem := v.Problem
	v.AccountFrame = accountFrame(who, connectPath)
	v.Problem = problem
	var err error
	if v.Form.AskPassword, v.Form.AskCode, err = h.accounts.MustConfirm(r.Context(), who); err != nil {
		return err
	}
	base := h.origin.Base(r)
	v.Secure, v.System, v.Username = h.origin.Secure(r), systemOf(r.UserAgent()), who.Username
	v.WebDAV, v.Tus, v.API = base+h.mount, base+"/files/", base+"/api/v1/openapi.json"
	v.Remote = base + "/remote.php/webdav/"
	v.Gvfs, v.KDE = "dav"+strings.TrimPrefix(v.WebDAV, "http"), "webdav"+strings.TrimPrefix(v.WebDAV, "http")
	html, err := h.in(r).Connect(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// systemOf is what a browser says that it runs on, as far as the steps differ by it. Phones name a desktop's system, too.
func systemOf(userAgent string) string {
	for _, s := range [...]struct{ sign, system string }{
		{"Android", pages.SystemPhone}, {"iPhone", pages.SystemPhone}, {"iPad", pages.SystemPhone},
		{"Windows", pages.SystemWindows}, {"Macintosh", pages.SystemMac}, {"Linux", pages.SystemLinux},
	} {
		if strings.Contains(userAgent, s.sign) {
			return s.system
		}
	}
	return ""
}

// windowsSettings is what pages.Connect.WindowsSettings does, as a file for the registry editor of Windows.
func (h *Web) windowsSettings(w http.ResponseWriter, _ *http.Request, _ authn.Principal) error {
	header := w.Header()
	header.Set("Content-Type", "text/x-ms-regedit")
	header.Set("Content-Disposition", `attachment; filename="webclient.reg"`)
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(strings.ReplaceAll(registry, "\n", "\r\n"))) // who left does not read it
	return nil
}

const registry = `Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\WebClient\Parameters]
"FileSizeLimitInBytes"=dword:ffffffff
"FileAttributesLimitInBytes"=dword:02000000
`
