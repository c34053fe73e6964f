-- What a sweep has to do is found without a look at everything. drives.oldest_at is when the oldest change happened that a sweep may forget: 0 has it looked at the drive,
-- the largest number says that there is none.
ALTER TABLE drives ADD COLUMN oldest_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX drives_oldest ON drives (oldest_at);
CREATE INDEX uploads_full ON uploads (id) WHERE completed_at = 0 AND gone_at = 0 AND kind <> 'partial' AND received = length;
CREATE INDEX uploads_joined ON uploads (id) WHERE completed_at = 0 AND gone_at = 0 AND kind = 'joined';
CREATE INDEX refresh_tokens_used ON refresh_tokens (created_at) WHERE used_at > 0;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at > 0;
CREATE INDEX totp_begun ON totp (created_at) WHERE confirmed_at = 0;
CREATE INDEX app_passwords_expiry ON app_passwords (expires_at) WHERE expires_at > 0;
CREATE INDEX audit_floods_hour ON audit_floods (hour);
-- The trash is listed by its index, in order.
DROP INDEX trash_drive;
CREATE INDEX trash_drive ON trash (drive_id, trashed_at, node_id);
