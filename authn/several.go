package authn

import (
	"context"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// LastSeen answers when each of at most MaxUsers accounts was last at work, by its id, within a minute or so: as far as its sessions and app passwords
// that are still on record tell. Those of which nothing is known are left out.
func (a *Accounts) LastSeen(ctx context.Context, ids []string) (map[string]time.Time, error) {
	seen := make(map[string]time.Time, len(ids))
	list, among := a.idList(ids)
	err := a.db.Each(ctx, `SELECT user_id, MAX(seen_at) FROM sessions WHERE user_id`+among+` GROUP BY user_id
		UNION ALL SELECT user_id, MAX(seen_at) FROM app_passwords WHERE user_id`+among+` AND seen_at > 0 GROUP BY user_id`,
		[]any{list}, func(scan sqldb.Scan) error {
			var id string
			var micros int64
			err := scan(&id, &micros)
			if at := sqldb.Time(micros); at.After(seen[id]) {
				seen[id] = at
			}
			return err
		})
	return seen, fault.Wrap(err, "authn.LastSeen")
}

// Usernames answers how at most MaxUsers accounts are called, by id. Those that are gone are left out.
func (a *Accounts) Usernames(ctx context.Context, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	list, among := a.idList(ids)
	err := a.db.Each(ctx, `SELECT id, username FROM users WHERE deleted_at = 0 AND id`+among, []any{list}, func(scan sqldb.Scan) error {
		var id, name string
		err := scan(&id, &name)
		names[id] = name
		return err
	})
	return names, fault.Wrap(err, "authn.Usernames")
}

// idList is at most MaxUsers ids as one parameter, and the condition that something is one of them.
func (a *Accounts) idList(ids []string) (list, among string) {
	known := make([]string, 0, len(ids))
	for _, id := range ids[:min(len(ids), MaxUsers)] {
		if sqldb.ValidID(id) {
			known = append(known, id)
		}
	}
	list = `[]`
	if len(known) > 0 {
		list = `["` + strings.Join(known, `","`) + `"]`
	}
	return list, a.db.Engine().Among()
}
