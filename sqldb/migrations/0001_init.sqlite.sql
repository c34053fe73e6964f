-- Times are microseconds since 1970, UTC; 0 is "not set" where a column is NOT NULL.

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL DEFAULT '',
    email_key     TEXT UNIQUE,
    phone         TEXT UNIQUE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL DEFAULT 'user',
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    cookie     BLOB UNIQUE,
    user_agent TEXT NOT NULL DEFAULT '',
    address    TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE tickets (
    hash       BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
);
CREATE INDEX tickets_expiry ON tickets (expires_at);
CREATE INDEX tickets_user ON tickets (user_id);
CREATE INDEX tickets_session ON tickets (session_id);

CREATE TABLE signing_keys (
    id          TEXT PRIMARY KEY,
    private_key BLOB NOT NULL,
    public_key  BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER NOT NULL DEFAULT 0
);

-- A user's own drive has the user's id. quota < 0 is no limit. reserved is what open uploads will need,
-- uploads how many there are. sequence numbers the drive's changes.
CREATE TABLE drives (
    id         TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    root_id    TEXT NOT NULL,
    quota      INTEGER NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0,
    reserved   INTEGER NOT NULL DEFAULT 0,
    uploads    INTEGER NOT NULL DEFAULT 0,
    sequence   INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
);

-- content holds small blobs; the others are in the blob store under id.
CREATE TABLE blobs (
    id         TEXT PRIMARY KEY,
    sha256     BLOB NOT NULL,
    size       INTEGER NOT NULL,
    content    BLOB,
    created_at INTEGER NOT NULL,
    UNIQUE (sha256, size)
);
CREATE INDEX blobs_age ON blobs (created_at);

-- A node without a parent is its drive's root, or in the trash. sha256 repeats the blob's, which never
-- changes, so that a listing reads one table; children counts the nodes in a folder.
CREATE TABLE nodes (
    id          TEXT PRIMARY KEY,
    drive_id    TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    parent_id   TEXT REFERENCES nodes (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    folder      BOOLEAN NOT NULL,
    blob_id     TEXT REFERENCES blobs (id),
    sha256      BLOB,
    size        INTEGER NOT NULL DEFAULT 0,
    media_type  TEXT NOT NULL DEFAULT '',
    children    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    UNIQUE (parent_id, name_key)
);
CREATE INDEX nodes_drive ON nodes (drive_id);
CREATE INDEX nodes_blob ON nodes (blob_id);

CREATE TABLE versions (
    id          TEXT PRIMARY KEY,
    drive_id    TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    node_id     TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    blob_id     TEXT NOT NULL REFERENCES blobs (id),
    size        INTEGER NOT NULL,
    media_type  TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX versions_node ON versions (node_id, revision);
CREATE INDEX versions_drive ON versions (drive_id);
CREATE INDEX versions_blob ON versions (blob_id);

-- Where a removed node was. The node's own parent_id is NULL while it is here.
CREATE TABLE trash (
    node_id    TEXT PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    drive_id   TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    parent_id  TEXT NOT NULL,
    path       TEXT NOT NULL,
    trashed_at INTEGER NOT NULL
);
CREATE INDEX trash_drive ON trash (drive_id, trashed_at);
CREATE INDEX trash_age ON trash (trashed_at);

CREATE TABLE changes (
    drive_id TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    node_id  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    path     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (drive_id, sequence)
);

-- WebDAV dead properties. value is the element's inner XML as it was sent.
CREATE TABLE properties (
    node_id   TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    language  TEXT NOT NULL DEFAULT '',
    value     TEXT NOT NULL,
    PRIMARY KEY (node_id, namespace, name)
);

-- WebDAV locks. path is the lock root as the client spelled it.
CREATE TABLE locks (
    token      TEXT PRIMARY KEY,
    drive_id   TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    node_id    TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL,
    path       TEXT NOT NULL,
    deep       BOOLEAN NOT NULL,
    shared     BOOLEAN NOT NULL,
    owner      TEXT NOT NULL,
    timeout    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX locks_drive ON locks (drive_id);
CREATE INDEX locks_node ON locks (node_id);
CREATE INDEX locks_expiry ON locks (expires_at);

-- Resumable transfers. length < 0 is not known yet. content holds what was received while it is small
-- (staged false); else the bytes are in the blob store's stage named like the upload.
-- active_at is when it was created or received its last byte. uploads_expiry tells how many are open, stalled and gone
-- without a look at the table. sha256 is what the client says the whole will have. A row with gone_at remembers an upload that has expired.
-- holder is the process that writes to it now, where several serve the database; fence counts the holders.
CREATE TABLE uploads (
    id           TEXT PRIMARY KEY,
    drive_id     TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    folder       TEXT NOT NULL,
    folder_id    TEXT NOT NULL DEFAULT '',
    name         TEXT NOT NULL,
    media_type   TEXT NOT NULL,
    modified_at  INTEGER NOT NULL,
    conflict     TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    kind         TEXT NOT NULL,
    concat       TEXT NOT NULL DEFAULT '',
    sha256       BLOB,
    length       INTEGER NOT NULL,
    received     INTEGER NOT NULL DEFAULT 0,
    digest       BLOB,
    content      BLOB,
    staged       BOOLEAN NOT NULL DEFAULT FALSE,
    node_id      TEXT NOT NULL DEFAULT '',
    completed_at INTEGER NOT NULL DEFAULT 0,
    gone_at      INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    active_at    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    fence        INTEGER NOT NULL DEFAULT 0,
    holder       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX uploads_drive ON uploads (drive_id);
CREATE INDEX uploads_open ON uploads (drive_id) WHERE completed_at = 0 AND gone_at = 0;
CREATE INDEX uploads_expiry ON uploads (expires_at, completed_at, gone_at, active_at);
CREATE INDEX uploads_content ON uploads (drive_id, sha256);

-- The partial uploads that a joined one is made of, in order. They may have ended since.
CREATE TABLE upload_parts (
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    part_id   TEXT NOT NULL,
    PRIMARY KEY (upload_id, position)
);
CREATE INDEX upload_parts_part ON upload_parts (part_id);

-- Questions about content that somebody holds, asked of one who says to hold it too. Each is answered once.
CREATE TABLE proofs (
    id         TEXT PRIMARY KEY,
    drive_id   TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    blob_id    TEXT NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    nonce      BLOB NOT NULL,
    ranges     TEXT NOT NULL,
    folder     TEXT NOT NULL,
    name       TEXT NOT NULL,
    conflict   TEXT NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX proofs_drive ON proofs (drive_id);
CREATE INDEX proofs_blob ON proofs (blob_id);
CREATE INDEX proofs_expiry ON proofs (expires_at);

-- Processes that hold uploads, and when each was last seen. What a process holds that is not seen any more is free.
CREATE TABLE holders (
    id      TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL
);

-- Uploads that a process holds and another one wants.
CREATE TABLE upload_wants (
    upload_id TEXT PRIMARY KEY REFERENCES uploads (id) ON DELETE CASCADE,
    asked_at  INTEGER NOT NULL
);
