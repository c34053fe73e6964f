-- Digests of content that clients of ownCloud and Nextcloud compare files by, where such a client sent one, or asked. Each drive has its
-- own, though content is shared: if they were known at once, that would tell that another drive holds the same.
CREATE TABLE checksums (
    drive_id TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    blob_id  TEXT COLLATE "C" NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    sha1     BYTEA NOT NULL,
    md5      BYTEA NOT NULL,
    PRIMARY KEY (drive_id, blob_id)
);
CREATE INDEX checksums_blob ON checksums (blob_id);

-- An upload in chunks (kind 'chunked') is found by the name that its client gave it; received is the size of its chunks. They are
-- uploads of kind 'partial', listed in upload_parts with the number by which they are ordered and the name that they came by.
ALTER TABLE upload_parts ADD COLUMN name TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX uploads_chunked ON uploads (drive_id, name) WHERE kind = 'chunked';
