package authn

import (
	"context"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// ownRecord is what is kept about a user in one table, as the user may have it: no secret, and no hash of one.
type ownRecord struct {
	name, table string
	texts       []string // columns
	times       []string
}

// ownRecords are what OwnRecords tells. What has a user_id and stands for something that the user made belongs here.
func ownRecords() []ownRecord {
	return []ownRecord{
		{"sessions", "sessions", []string{"id", "kind", "address", "user_agent"}, []string{"created_at", "seen_at", "expires_at", "revoked_at"}},
		{"app_passwords", "app_passwords", []string{"id", "name", "folder_id"}, []string{"created_at", "seen_at", "expires_at"}},
		{"passkeys", "passkeys", []string{"id", "name", "rp_id"}, []string{"created_at", "used_at"}},
		{"identities", "identities", []string{"id", "issuer", "subject", "label"}, []string{"created_at", "used_at"}},
		{"known_networks", "known_networks", []string{"network"}, []string{"seen_at"}},
	}
}

// maxOwnRecords bounds how many rows of one table OwnRecords tells: there are fewer.
const maxOwnRecords = 10_000

// OwnRecords answers what is kept about a user besides the account itself and the audit log, by what it is.
func (a *Accounts) OwnRecords(ctx context.Context, userID string) (map[string][]map[string]any, error) {
	all := map[string][]map[string]any{}
	for _, r := range ownRecords() {
		rows, err := sqldb.All(ctx, a.db, `SELECT `+strings.Join(append(r.texts, r.times...), ", ")+` FROM `+r.table+` WHERE user_id = $1 LIMIT $2`,
			[]any{userID, maxOwnRecords}, r.scan)
		if err != nil {
			return nil, fault.Wrap(err, "authn.OwnRecords")
		}
		all[r.name] = rows
	}
	return all, nil
}

func (r ownRecord) scan(scan sqldb.Scan) (map[string]any, error) {
	texts, times := make([]string, len(r.texts)), make([]int64, len(r.times))
	var dest []any
	for i := range texts {
		dest = append(dest, &texts[i])
	}
	for i := range times {
		dest = append(dest, &times[i])
	}
	if err := scan(dest...); err != nil {
		return nil, err
	}
	row := map[string]any{}
	for i, name := range r.texts {
		row[name] = texts[i]
	}
	for i, name := range r.times {
		if times[i] > 0 { // else it is not set
			row[name] = sqldb.Time(times[i]).UTC().Format(time.RFC3339)
		}
	}
	return row, nil
}
