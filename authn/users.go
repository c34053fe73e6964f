package authn

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// MaxUsers is the most that one call of Users answers.
const MaxUsers = 1000

// MaxSearch is how long what Users searches for may be, in bytes.
const MaxSearch = MaxEmail

// UserOrder is in which order Users answers accounts.
type UserOrder string

const (
	OldestFirst UserOrder = ""
	NewestFirst UserOrder = "newest"
	ByName      UserOrder = "name" // username, in any case
)

// UserFilter is which accounts Users answers. The zero value is all of them.
type UserFilter struct {
	Order    UserOrder
	After    string // what AfterUser says of the account to go on after; empty: from the start
	Limit    int    // at most MaxUsers, which 0 means too
	Search   string // what the username, the e-mail address or the phone number begins with, in any case
	Role     Role   // empty: any
	Disabled *bool  // nil: both
}

// AfterUser is the After of the filter that goes on after an account, in the same order.
func (f UserFilter) AfterUser(u User) string {
	if f.Order == ByName {
		return u.Username
	}
	return u.ID
}

// Users lists accounts, in the order in which they were made if no other is asked for. Invalid. What it costs is bound by what it answers, or by how many accounts the search
// finds: each name is looked up in its index.
func (a *Accounts) Users(ctx context.Context, f UserFilter) ([]User, error) {
	query, args, err := f.query(a.db.Engine())
	if err != nil {
		return nil, fault.Wrap(err, "authn.Users")
	}
	users, err := sqldb.All(ctx, a.db, query, args, func(scan sqldb.Scan) (User, error) { return scanUser(scan) })
	return users, fault.Wrap(err, "authn.Users")
}

// foundUsers looks each kind of name up in its index.
const foundUsers = `SELECT id FROM users WHERE username_key >= $3 AND username_key < $4
	UNION SELECT id FROM users WHERE email_key >= $5 AND email_key < $6
	UNION SELECT id FROM users WHERE phone >= $7 AND phone < $8`

// query is put together of constants, so that there are few texts.
func (f UserFilter) query(on sqldb.Engine) (text string, args []any, err error) {
	limit := f.Limit
	if limit <= 0 || limit > MaxUsers {
		limit = MaxUsers
	}
	place, order, after, err := f.place()
	if err != nil {
		return "", nil, err
	}
	from := `users`
	if f.Search != "" && on == sqldb.Postgres { // which otherwise goes through all accounts in their order: it does not look through OFFSET
		from = `(SELECT * FROM users WHERE id = ANY(ARRAY(` + foundUsers + `)) OFFSET 0) AS users`
	}
	text = `SELECT ` + userColumns + ` FROM ` + from + ` WHERE ` + place + ` AND deleted_at = 0`
	args = []any{after, limit}
	switch f.Role {
	case "":
	case RoleUser:
		text += ` AND role = 'user'`
	case RoleAdmin:
		text += ` AND role = 'admin'`
	default:
		return "", nil, invalidRole()
	}
	if f.Disabled != nil {
		if *f.Disabled {
			text += ` AND disabled_at > 0`
		} else {
			text += ` AND disabled_at = 0`
		}
	}
	if f.Search != "" {
		bounds, err := searchBounds(f.Search)
		if err != nil {
			return "", nil, err
		}
		if on == sqldb.SQLite {
			text += ` AND id IN (` + foundUsers + `)`
		}
		args = append(args, bounds...)
	}
	return text + ` ORDER BY ` + order + ` LIMIT $2`, args, nil
}

// place is the condition for what comes after $1, the order, and $1.
func (f UserFilter) place() (where, order, after string, err error) {
	switch f.Order {
	case OldestFirst:
		return `id > $1`, `id`, shown(f.After, sqldb.IDLength), nil
	case NewestFirst:
		after = shown(f.After, sqldb.IDLength)
		if after == "" {
			after = "~" // which no id comes after
		}
		return `id < $1`, `id DESC`, after, nil
	case ByName:
		if f.After != "" {
			var ok bool
			if _, after, ok = usernameKey(f.After); !ok {
				return "", "", "", invalidFields("authn.Users", []fault.Field{{Name: "after", Code: "invalid", Message: "Go on with the next of an earlier answer."}})
			}
		}
		return `username_key > $1`, `username_key`, after, nil
	}
	return "", "", "", invalidFields("authn.Users", []fault.Field{{Name: "order", Code: "invalid", Message: `An order is "name" or "newest".`}})
}

// UserCounts is how many accounts there are.
type UserCounts struct {
	All            int64 // those that may not sign in among them
	Disabled       int64
	Administrators int64 // who may sign in
}

// CountUsers counts the accounts. It reads each.
func (a *Accounts) CountUsers(ctx context.Context) (c UserCounts, err error) {
	err = a.db.Row(ctx, `SELECT COUNT(*), COUNT(CASE WHEN disabled_at > 0 THEN 1 END), COUNT(CASE WHEN role = 'admin' AND disabled_at = 0 THEN 1 END)
		FROM users WHERE deleted_at = 0`, nil, &c.All, &c.Disabled, &c.Administrators)
	return c, fault.Wrap(err, "authn.CountUsers")
}

// searchBounds are the first key of each kind that begins with what is searched for, and the first one that does not any more.
func searchBounds(search string) ([]any, error) {
	if len(search) > MaxSearch || shown(search, MaxSearch) != search {
		return nil, invalidFields("authn.Users", []fault.Field{{Name: "search", Code: "invalid", Message: fmt.Sprintf("At most %d bytes of UTF-8.", MaxSearch)}})
	}
	var bounds []any
	for _, key := range [...]string{
		norm.NFKC.String(cases.Fold().String(strings.ToLower(norm.NFKC.String(search)))), // as usernameKey
		strings.ToLower(norm.NFC.String(search)),                                         // as emailKey
		search,
	} {
		bounds = append(bounds, key, key+"\U0010FFFF") // no name of ours holds that one
	}
	return bounds, nil
}
