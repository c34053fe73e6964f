-- Content that a file or version held and does not any more: gc looks whether others do. So it need not look at all content there is. A content may be here more
-- than once: whoever is removed writes a row, and waits for nobody.
CREATE TABLE loose_blobs (
    id      TEXT COLLATE "C" PRIMARY KEY,
    blob_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX loose_blobs_blob ON loose_blobs (blob_id);

CREATE FUNCTION let_go_of_blob() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loose_blobs (id, blob_id) VALUES (gen_random_uuid(), OLD.blob_id);
    RETURN NULL;
END $$;
CREATE TRIGGER nodes_removed AFTER DELETE ON nodes FOR EACH ROW WHEN (OLD.blob_id IS NOT NULL) EXECUTE FUNCTION let_go_of_blob();
CREATE TRIGGER nodes_rewritten AFTER UPDATE OF blob_id ON nodes FOR EACH ROW
    WHEN (OLD.blob_id IS NOT NULL AND OLD.blob_id IS DISTINCT FROM NEW.blob_id) EXECUTE FUNCTION let_go_of_blob();
CREATE TRIGGER versions_removed AFTER DELETE ON versions FOR EACH ROW EXECUTE FUNCTION let_go_of_blob();
CREATE TRIGGER versions_rewritten AFTER UPDATE OF blob_id ON versions FOR EACH ROW
    WHEN (OLD.blob_id IS DISTINCT FROM NEW.blob_id) EXECUTE FUNCTION let_go_of_blob();

-- After the triggers, which wait for whoever writes: what a server lets go of meanwhile is seen by one or the other.
INSERT INTO loose_blobs (id, blob_id) SELECT id, id FROM blobs WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.blob_id = blobs.id)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob_id = blobs.id);
