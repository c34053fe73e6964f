-- Content that a file or version held and does not any more: gc looks whether others do. So it need not look at all content there is. A content may be here more
-- than once: whoever is removed writes a row, and waits for nobody.
CREATE TABLE loose_blobs (
    id      TEXT PRIMARY KEY,
    blob_id TEXT NOT NULL
);
CREATE INDEX loose_blobs_blob ON loose_blobs (blob_id);

INSERT INTO loose_blobs (id, blob_id) SELECT id, id FROM blobs WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.blob_id = blobs.id)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob_id = blobs.id);

CREATE TRIGGER nodes_removed AFTER DELETE ON nodes WHEN OLD.blob_id IS NOT NULL BEGIN
    INSERT INTO loose_blobs (id, blob_id) VALUES (lower(hex(randomblob(16))), OLD.blob_id);
END;
CREATE TRIGGER nodes_rewritten AFTER UPDATE OF blob_id ON nodes WHEN OLD.blob_id IS NOT NULL AND OLD.blob_id IS NOT NEW.blob_id BEGIN
    INSERT INTO loose_blobs (id, blob_id) VALUES (lower(hex(randomblob(16))), OLD.blob_id);
END;
CREATE TRIGGER versions_removed AFTER DELETE ON versions BEGIN
    INSERT INTO loose_blobs (id, blob_id) VALUES (lower(hex(randomblob(16))), OLD.blob_id);
END;
CREATE TRIGGER versions_rewritten AFTER UPDATE OF blob_id ON versions WHEN OLD.blob_id IS NOT NEW.blob_id BEGIN
    INSERT INTO loose_blobs (id, blob_id) VALUES (lower(hex(randomblob(16))), OLD.blob_id);
END;
