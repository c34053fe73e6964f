-- Small pictures of a drive's images. Copies and versions of one content share them; drives do not, because one that is there before
-- it was made would tell that somebody else holds the same. size is the square's edge in pixels; 0 says that there is none.
-- maker counts up when Satchel learns to make others: rows of an older one are made anew.
CREATE TABLE thumbnails (
    drive_id   TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    blob_id    TEXT NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    size       INTEGER NOT NULL,
    maker      INTEGER NOT NULL,
    media_type TEXT NOT NULL DEFAULT '',
    content    BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (drive_id, blob_id, size)
);
CREATE INDEX thumbnails_blob ON thumbnails (blob_id);
