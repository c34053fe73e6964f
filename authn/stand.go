package authn

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// passwordID is what Principal.PasswordID is.
func passwordID(hash string) string {
	sum := sha256.Sum256([]byte(hash))
	return hex.EncodeToString(sum[:16])
}

// standChunk is how many ids one query asks for.
const standChunk = 500

// Stand reports for each of the principals, who proved earlier who they are, whether what they showed still opens the account: the session has not been
// ended, the password is the same one and no second factor was set, the app password is there and has not expired; and the account is not disabled. It costs one query for each kind
// of credential among them and each 500 of them. That a session reaches the end of its time does not count: what began within it may end.
func (a *Accounts) Stand(ctx context.Context, all []Principal) ([]bool, error) {
	sessions, apps, passwords := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range all {
		switch {
		case p.SessionID != "":
			sessions[p.SessionID] = true
		case p.AppPassword != "":
			apps[p.AppPassword] = true
		default:
			passwords[p.UserID] = true
		}
	}
	stands := map[[2]string]bool{} // what was shown, and whose it is
	keep := func(shown, userID string) { stands[[2]string{shown, userID}] = true }
	err := a.eachOf(ctx, sessions, `SELECT s.id, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.revoked_at = 0 AND u.disabled_at = 0 AND s.id`, keep)
	if err == nil {
		err = a.eachOf(ctx, apps, `SELECT p.id, p.user_id FROM app_passwords p JOIN users u ON u.id = p.user_id
			WHERE (p.expires_at = 0 OR p.expires_at > $2) AND u.disabled_at = 0 AND p.id`, keep, a.now())
	}
	if err == nil {
		err = a.eachOf(ctx, passwords, `SELECT password_hash, id FROM users WHERE disabled_at = 0 AND factor_at = 0 AND id`,
			func(hash, id string) { keep(passwordID(hash), id) })
	}
	if err != nil {
		return nil, fault.Wrap(err, "authn.Stand")
	}
	still := make([]bool, len(all))
	for i, p := range all {
		still[i] = stands[[2]string{cmp.Or(p.SessionID, p.AppPassword, p.PasswordID), p.UserID}]
	}
	return still, nil
}

// eachOf runs a query that ends with what has to be one of the ids, and calls row with the two texts of each row. more are its parameters from $2 on.
func (a *Accounts) eachOf(ctx context.Context, ids map[string]bool, query string, row func(id, value string), more ...any) error {
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(ids)), standChunk) {
		list, err := json.Marshal(chunk)
		if err != nil {
			return err
		}
		err = a.db.Each(ctx, query+a.db.Engine().Among(), append([]any{string(list)}, more...), func(scan sqldb.Scan) error {
			var id, value string
			err := scan(&id, &value)
			if err == nil {
				row(id, value)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
