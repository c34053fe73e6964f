package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// adminRoutes is for administrators. To others none of it is there.
func (a *api) adminRoutes() []route {
	return []route{
		{"GET", v1 + "/admin/users", asAdmin(a.listUsers)},
		{"POST", v1 + "/admin/users", asAdmin(a.createUser)},
		{"GET", v1 + "/admin/users/{id}", asAdmin(a.showUser)},
		{"PATCH", v1 + "/admin/users/{id}", asAdmin(a.changeUser)},
		{"DELETE", v1 + "/admin/users/{id}", asAdmin(a.deleteUser)},
		{"POST", v1 + "/admin/users/{id}/password", asAdmin(a.setUserPassword)},
		{"POST", v1 + "/admin/users/{id}/sign-out", asAdmin(a.signOutUser)},
		{"GET", v1 + "/admin/audit", asAdmin(a.auditLog)},
	}
}

// accountBody is an account as administrators see it.
type accountBody struct {
	userBody
	Disabled bool       `json:"disabled"`
	Seen     *time.Time `json:"seen_at"` // null if it is not known
	Drive    *driveBody `json:"drive"`   // nil while it is being removed
}

func accountOf(u authn.User, seen time.Time, usage drive.Usage, has bool) accountBody {
	body := accountBody{userBody: userOf(u), Disabled: u.Disabled, Seen: timeOrNull(seen)}
	if has {
		body.Drive = &driveBody{Used: usage.Used}
		if usage.Quota >= 0 {
			body.Drive.Quota = &usage.Quota
		}
	}
	return body
}

// tellUser answers an account with its drive.
func (a *api) tellUser(w http.ResponseWriter, r *http.Request, status int, u authn.User, password string) error {
	usages, err := a.drives.Usages(r.Context(), []string{u.ID})
	if err != nil {
		return err
	}
	seen, err := a.accounts.LastSeen(r.Context(), []string{u.ID})
	if err != nil {
		return err
	}
	usage, has := usages[u.ID]
	answer.JSON(w, r, status, struct {
		accountBody
		Password string `json:"password,omitempty"` // that was made up for it, this once
	}{accountOf(u, seen[u.ID], usage, has), password})
	return nil
}

func (a *api) listUsers(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	query := r.URL.Query()
	limit, err := limitOf(query)
	if err != nil {
		return err
	}
	filter := authn.UserFilter{Order: authn.UserOrder(query.Get("order")), After: query.Get("after"), Limit: limit, Search: query.Get("search"), Role: authn.Role(query.Get("role"))}
	if text := query.Get("disabled"); text != "" {
		disabled, err := strconv.ParseBool(text)
		if err != nil {
			return invalid("invalid_fields", []fault.Field{{Name: "disabled", Code: "invalid", Message: "true or false."}})
		}
		filter.Disabled = &disabled
	}
	users, err := a.accounts.Users(r.Context(), filter)
	if err != nil {
		return err
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	usages, err := a.drives.Usages(r.Context(), ids)
	if err != nil {
		return err
	}
	seen, err := a.accounts.LastSeen(r.Context(), ids)
	if err != nil {
		return err
	}
	body := pageBody[accountBody]{Items: make([]accountBody, len(users))}
	for i, u := range users {
		usage, has := usages[u.ID]
		body.Items[i] = accountOf(u, seen[u.ID], usage, has)
	}
	if len(users) == limit { // the next page may be empty
		body.Next = filter.AfterUser(users[limit-1])
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) showUser(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	u, err := a.accounts.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return a.tellUser(w, r, http.StatusOK, u, "")
}

// createUser makes an account. Without a password one is made up, and told this once.
func (a *api) createUser(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	n := authn.NewUser{Role: authn.RoleUser}
	if err := readBody(w, r, fields{"username": &n.Username, "password": &n.Password, "email": &n.Email, "phone": &n.Phone,
		"role": (*string)(&n.Role), "quota": &n.Quota}); err != nil {
		return err
	}
	if err := checkQuota(n.Quota); err != nil {
		return err
	}
	made := ""
	if n.Password == "" {
		made = authn.MakePassword()
		n.Password = made
	}
	u, err := a.accounts.Administer(p, a.client(r)).CreateUser(r.Context(), n)
	if err != nil {
		return err
	}
	w.Header().Set("Location", v1+"/admin/users/"+u.ID)
	return a.tellUser(w, r, http.StatusCreated, u, made)
}

func (a *api) changeUser(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var change authn.UserChange
	var role string
	if err := readBody(w, r, fields{"role": &role, "disabled": &change.Disabled, "quota": &change.Quota}); err != nil {
		return err
	}
	if role != "" {
		change.Role = (*authn.Role)(&role)
	}
	if err := checkQuota(change.Quota); err != nil {
		return err
	}
	u, err := a.accounts.Administer(p, a.client(r)).Change(r.Context(), r.PathValue("id"), change)
	if err != nil {
		return err
	}
	return a.tellUser(w, r, http.StatusOK, u, "")
}

// checkQuota refuses what no quota is: -1 is no limit, since null leaves it alone.
func checkQuota(quota *int64) error {
	if quota == nil || *quota >= -1 && *quota <= math.MaxInt64/2 {
		return nil
	}
	return invalid("invalid_fields", []fault.Field{{Name: "quota", Code: "invalid", Message: "A number of bytes, or -1 for no limit."}})
}

// deleteUser closes an account. Its drive is removed behind the answer.
func (a *api) deleteUser(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return a.administered(w, r, a.accounts.Administer(p, a.client(r)).Delete(r.Context(), r.PathValue("id")))
}

func (a *api) signOutUser(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return a.administered(w, r, a.accounts.Administer(p, a.client(r)).SignOut(r.Context(), r.PathValue("id")))
}

func (a *api) setUserPassword(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var password string
	if err := readBody(w, r, fields{"password": &password}); err != nil {
		return err
	}
	return a.administered(w, r, a.accounts.Administer(p, a.client(r)).SetPassword(r.Context(), r.PathValue("id"), password))
}

func (a *api) administered(w http.ResponseWriter, r *http.Request, err error) error {
	if err == nil {
		answer.JSON(w, r, http.StatusNoContent, nil)
	}
	return err
}
