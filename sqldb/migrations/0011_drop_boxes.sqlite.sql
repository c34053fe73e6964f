-- Uploads that were begun by a share's link belong to the share, and count for the address of their sender, of which there is a MAC. They go when it goes
-- or soon after, so nothing refers to the share's row. Each has one of the share's uses until it is a file or ends.
ALTER TABLE uploads ADD COLUMN share_id TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN sender TEXT NOT NULL DEFAULT '';
CREATE INDEX uploads_dropped ON uploads (drive_id, share_id) WHERE share_id <> '' AND completed_at = 0 AND gone_at = 0;
