-- Digests of content that clients of ownCloud and Nextcloud compare files by. They are known where such a client sent one, or asked.
CREATE TABLE checksums (
    blob_id TEXT COLLATE "C" PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    sha1    BYTEA NOT NULL,
    md5     BYTEA NOT NULL
);

-- An upload in chunks (kind 'chunked') is found by the name that its client gave it; received is the size of its chunks. They are
-- uploads of kind 'partial', listed in upload_parts with the number by which they are ordered and the name that they came by.
ALTER TABLE upload_parts ADD COLUMN name TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX uploads_chunked ON uploads (drive_id, name) WHERE kind = 'chunked';
