package crowd

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// streams are a COPY for each table, each on a connection of its own, so that rows of all tables may come in any order.
type streams struct {
	ctx    context.Context
	pool   *sql.DB
	open   map[string]*stream
	order  []*stream
	failed error // the first; nothing is written after it
}

type stream struct {
	tx   *sql.Tx
	stmt *sql.Stmt
}

// columns are those that have a value in rows of ours; the others keep their defaults.
var columns = map[string][]string{
	"users": {"id", "username", "username_key", "email", "email_key", "phone", "password_hash", "role", "created_at", "email_verified_at",
		"disabled_at", "factor_at"},
	"sessions":           {"id", "user_id", "kind", "cookie", "user_agent", "address", "created_at", "seen_at", "expires_at", "proven_at"},
	"refresh_tokens":     {"hash", "session_id", "created_at", "used_at"},
	"tickets":            {"hash", "user_id", "session_id", "expires_at"},
	"known_networks":     {"user_id", "network", "seen_at"},
	"app_passwords":      {"id", "user_id", "hash", "name", "read_only", "created_at", "seen_at"},
	"totp":               {"user_id", "secret", "created_at", "confirmed_at", "last_step"},
	"recovery_codes":     {"user_id", "hash"},
	"passkeys":           {"id", "user_id", "credential_id", "rp_id", "name", "public_key", "sign_count", "backup_eligible", "created_at"},
	"identities":         {"id", "user_id", "issuer", "subject", "label", "created_at", "used_at"},
	"codes":              {"id", "purpose", "target", "user_id", "mac", "client", "created_at", "expires_at"},
	"half_sign_ins":      {"hash", "user_id", "password_hash", "how", "expires_at"},
	"passkey_challenges": {"hash", "purpose", "user_id", "network", "ceremony", "expires_at"},
	"oidc_sign_ins":      {"state", "browser", "provider", "callback", "network", "created_at", "expires_at"},
	"attempts":           {"key", "failures", "failed_at", "blocked_until", "expires_at"},
	"invitations":        {"id", "hash", "note", "uses", "created_by", "created_at", "expires_at"},
	"audit":              {"id", "at", "event", "user_id", "actor_id", "address", "user_agent", "detail"},
	"audit_floods":       {"event", "user_id", "hour", "lines", "line_id"},
	"drives":             {"id", "root_id", "quota", "used", "reserved", "uploads", "sequence", "pruned", "created_at", "oldest_at"},
	"blobs":              {"id", "sha256", "size", "content", "created_at"},
	"nodes": {"id", "drive_id", "parent_id", "name", "name_key", "folder", "blob_id", "sha256", "size", "media_type", "children",
		"created_at", "modified_at", "revision"},
	"versions":   {"id", "drive_id", "node_id", "blob_id", "size", "media_type", "modified_at", "revision", "created_at"},
	"trash":      {"node_id", "drive_id", "parent_id", "path", "trashed_at"},
	"changes":    {"drive_id", "sequence", "node_id", "kind", "path", "at", "folder", "from_id", "from_name", "parent_id", "held"},
	"properties": {"node_id", "namespace", "name", "value"},
	"thumbnails": {"drive_id", "blob_id", "size", "maker", "created_at"},
	"checksums":  {"drive_id", "blob_id", "sha1", "md5"},
	"locks":      {"token", "drive_id", "node_id", "user_id", "path", "deep", "shared", "owner", "timeout", "expires_at"},
	"shares":     {"id", "drive_id", "node_id", "kind", "name", "expires_at", "created_at"},
	"uploads": {"id", "drive_id", "folder", "folder_id", "name", "media_type", "modified_at", "conflict", "metadata", "kind", "length", "received",
		"digest", "content", "node_id", "completed_at", "created_at", "active_at", "expires_at", "fence", "waits_for"},
	"upload_parts": {"upload_id", "position", "part_id", "name"},
	"events": {"id", "drive_id", "sequence", "node_id", "kind", "path", "at", "folder", "size", "media_type", "sha256", "parent_id", "from_id",
		"from_name", "since", "tries", "failure"},
	"event_queues": {"drive_id", "revision", "next_at"},
}

func (s *streams) begin(table string) (*stream, error) {
	tx, err := s.pool.BeginTx(s.ctx, nil)
	if err != nil {
		return nil, err
	}
	// Rows come before those that they name, which a foreign key would not have.
	if _, err = tx.ExecContext(s.ctx, `SET LOCAL session_replication_role = replica`); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	stmt, err := tx.PrepareContext(s.ctx, `COPY `+table+` (`+strings.Join(columns[table], ", ")+`) FROM STDIN`)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	made := &stream{tx, stmt}
	s.open[table], s.order = made, append(s.order, made)
	return made, nil
}

// row adds a row, of which the values are those of columns.
func (s *streams) row(table string, values ...any) {
	if s.failed != nil {
		return
	}
	of := s.open[table]
	if of == nil {
		if of, s.failed = s.begin(table); s.failed != nil {
			return
		}
	}
	if _, err := of.stmt.ExecContext(s.ctx, values...); err != nil {
		s.failed = fmt.Errorf("%s: %w", table, err)
	}
}

// end writes what there is; all of it or, after an error, nothing.
func (s *streams) end() error {
	for _, of := range s.order {
		if s.failed == nil {
			_, s.failed = of.stmt.ExecContext(s.ctx)
		}
	}
	for _, of := range s.order {
		if s.failed != nil {
			_ = of.tx.Rollback() // the first error is what matters
			continue
		}
		s.failed = of.tx.Commit()
	}
	return s.failed
}
