-- When an upload was created or received its last byte. The wider index tells how many uploads are open,
-- stalled and gone without a look at the table.
ALTER TABLE uploads ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;
UPDATE uploads SET active_at = created_at;
DROP INDEX uploads_expiry;
CREATE INDEX uploads_expiry ON uploads (expires_at, completed_at, gone_at, active_at);
