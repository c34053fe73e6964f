package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const accountPath = "/account"

// accountRoutes is one's own account, an address below /account for each part of it.
func (h *Web) accountRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + accountPath: h.private(h.account),
	}
}

// accountFrame is what every page of the account has.
func accountFrame(who authn.Principal, here string) pages.AccountFrame {
	return pages.AccountFrame{Frame: pages.Frame{User: who.Username}, Here: here, Admin: who.Role == authn.RoleAdmin}
}

// account shows what the account is.
func (h *Web) account(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	u, err := h.accounts.User(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	usage, err := h.drives.Usage(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	html, err := h.in(r).Account(pages.Account{
		AccountFrame: accountFrame(who, accountPath),
		Username:     u.Username, Email: u.Email, Phone: u.Phone, Created: u.Created,
		Usage: pages.Usage{Used: usage.Used, Quota: usage.Quota},
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}
