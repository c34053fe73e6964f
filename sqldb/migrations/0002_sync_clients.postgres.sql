-- Digests of content that clients of ownCloud and Nextcloud compare files by. They are known where such a client sent one, or asked.
CREATE TABLE checksums (
    blob_id TEXT COLLATE "C" PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    sha1    BYTEA NOT NULL,
    md5     BYTEA NOT NULL
);
