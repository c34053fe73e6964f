-- Digests of content that clients of ownCloud and Nextcloud compare files by. They are known where such a client sent one, or asked.
CREATE TABLE checksums (
    blob_id TEXT PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    sha1    BLOB NOT NULL,
    md5     BLOB NOT NULL
);
