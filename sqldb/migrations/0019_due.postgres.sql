-- What a sweep and gc look at is what is due. uploads.waits_for is a part on its way that a joined upload was seen to wait for; empty has a sweep look at its parts. A part
-- that is full or gone empties it.
ALTER TABLE uploads ADD COLUMN waits_for TEXT COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX uploads_joined;
CREATE INDEX uploads_joined ON uploads (id) WHERE completed_at = 0 AND gone_at = 0 AND kind = 'joined' AND waits_for = '';
CREATE INDEX uploads_waits ON uploads (waits_for) WHERE waits_for <> '';
CREATE FUNCTION wait_no_more() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE uploads SET waits_for = '' WHERE waits_for = OLD.id AND waits_for <> '';
    RETURN NULL;
END $$;
CREATE TRIGGER uploads_ended AFTER UPDATE OF received, length, completed_at, gone_at ON uploads FOR EACH ROW
    WHEN (OLD.kind = 'partial' AND (NEW.received = NEW.length OR NEW.completed_at > 0 OR NEW.gone_at > 0)) EXECUTE FUNCTION wait_no_more();
CREATE TRIGGER uploads_removed AFTER DELETE ON uploads FOR EACH ROW WHEN (OLD.kind = 'partial') EXECUTE FUNCTION wait_no_more();

-- When the content was made: what is young stays, and is not looked at.
ALTER TABLE loose_blobs ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
UPDATE loose_blobs SET created_at = COALESCE((SELECT created_at FROM blobs WHERE blobs.id = loose_blobs.blob_id), 0);
CREATE INDEX loose_blobs_age ON loose_blobs (created_at);
CREATE OR REPLACE FUNCTION let_go_of_blob() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loose_blobs (id, blob_id, created_at) SELECT gen_random_uuid(), id, created_at FROM blobs WHERE id = OLD.blob_id;
    RETURN NULL;
END $$;
