-- What a sweep and gc look at is what is due. uploads.waits_for is a part on its way that a joined upload was seen to wait for; empty has a sweep look at its parts. A part
-- that is full or gone empties it.
ALTER TABLE uploads ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';
DROP INDEX uploads_joined;
CREATE INDEX uploads_joined ON uploads (id) WHERE completed_at = 0 AND gone_at = 0 AND kind = 'joined' AND waits_for = '';
CREATE INDEX uploads_waits ON uploads (waits_for) WHERE waits_for <> '';
CREATE TRIGGER uploads_ended AFTER UPDATE OF received, length, completed_at, gone_at ON uploads
    WHEN OLD.kind = 'partial' AND (NEW.received = NEW.length OR NEW.completed_at > 0 OR NEW.gone_at > 0) BEGIN
    UPDATE uploads SET waits_for = '' WHERE waits_for = OLD.id AND waits_for <> '';
END;
CREATE TRIGGER uploads_removed AFTER DELETE ON uploads WHEN OLD.kind = 'partial' BEGIN
    UPDATE uploads SET waits_for = '' WHERE waits_for = OLD.id AND waits_for <> '';
END;

-- When the content was made: what is young stays, and is not looked at.
ALTER TABLE loose_blobs ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
UPDATE loose_blobs SET created_at = COALESCE((SELECT created_at FROM blobs WHERE blobs.id = loose_blobs.blob_id), 0);
CREATE INDEX loose_blobs_age ON loose_blobs (created_at);
DROP TRIGGER nodes_removed;
DROP TRIGGER nodes_rewritten;
DROP TRIGGER versions_removed;
DROP TRIGGER versions_rewritten;
CREATE TRIGGER nodes_removed AFTER DELETE ON nodes WHEN OLD.blob_id IS NOT NULL BEGIN
    INSERT INTO loose_blobs (id, blob_id, created_at) SELECT lower(hex(randomblob(16))), id, created_at FROM blobs WHERE id = OLD.blob_id;
END;
CREATE TRIGGER nodes_rewritten AFTER UPDATE OF blob_id ON nodes WHEN OLD.blob_id IS NOT NULL AND OLD.blob_id IS NOT NEW.blob_id BEGIN
    INSERT INTO loose_blobs (id, blob_id, created_at) SELECT lower(hex(randomblob(16))), id, created_at FROM blobs WHERE id = OLD.blob_id;
END;
CREATE TRIGGER versions_removed AFTER DELETE ON versions BEGIN
    INSERT INTO loose_blobs (id, blob_id, created_at) SELECT lower(hex(randomblob(16))), id, created_at FROM blobs WHERE id = OLD.blob_id;
END;
CREATE TRIGGER versions_rewritten AFTER UPDATE OF blob_id ON versions WHEN OLD.blob_id IS NOT NEW.blob_id BEGIN
    INSERT INTO loose_blobs (id, blob_id, created_at) SELECT lower(hex(randomblob(16))), id, created_at FROM blobs WHERE id = OLD.blob_id;
END;
