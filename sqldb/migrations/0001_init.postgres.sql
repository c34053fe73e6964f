-- Text sorts and compares by its bytes on both engines: COLLATE "C" is what SQLite does by itself.
-- Times are microseconds since 1970, UTC; 0 is "not set" where a column is NOT NULL.

CREATE TABLE users (
    id            TEXT COLLATE "C" PRIMARY KEY,
    username      TEXT COLLATE "C" NOT NULL,
    username_key  TEXT COLLATE "C" NOT NULL UNIQUE,
    email         TEXT COLLATE "C" NOT NULL DEFAULT '',
    email_key     TEXT COLLATE "C" UNIQUE,
    phone         TEXT COLLATE "C" UNIQUE,
    password_hash TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL DEFAULT 'user',
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE sessions (
    id         TEXT COLLATE "C" PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT COLLATE "C" NOT NULL,
    cookie     BYTEA UNIQUE,
    user_agent TEXT COLLATE "C" NOT NULL DEFAULT '',
    address    TEXT COLLATE "C" NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    hash       BYTEA PRIMARY KEY,
    session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE tickets (
    hash       BYTEA PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX tickets_expiry ON tickets (expires_at);
CREATE INDEX tickets_user ON tickets (user_id);
CREATE INDEX tickets_session ON tickets (session_id);

CREATE TABLE signing_keys (
    id          TEXT COLLATE "C" PRIMARY KEY,
    private_key BYTEA NOT NULL,
    public_key  BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    retired_at  BIGINT NOT NULL DEFAULT 0
);

-- A user's own drive has the user's id. quota < 0 is no limit. reserved is what open uploads will need,
-- uploads how many there are. sequence numbers the drive's changes.
CREATE TABLE drives (
    id         TEXT COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    root_id    TEXT COLLATE "C" NOT NULL,
    quota      BIGINT NOT NULL,
    used       BIGINT NOT NULL DEFAULT 0,
    reserved   BIGINT NOT NULL DEFAULT 0,
    uploads    BIGINT NOT NULL DEFAULT 0,
    sequence   BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

-- content holds small blobs; the others are in the blob store under id.
CREATE TABLE blobs (
    id         TEXT COLLATE "C" PRIMARY KEY,
    sha256     BYTEA NOT NULL,
    size       BIGINT NOT NULL,
    content    BYTEA,
    created_at BIGINT NOT NULL,
    UNIQUE (sha256, size)
);
CREATE INDEX blobs_age ON blobs (created_at);

-- A node without a parent is its drive's root, or in the trash. sha256 repeats the blob's, which never
-- changes, so that a listing reads one table; children counts the nodes in a folder.
CREATE TABLE nodes (
    id          TEXT COLLATE "C" PRIMARY KEY,
    drive_id    TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    parent_id   TEXT COLLATE "C" REFERENCES nodes (id) ON DELETE CASCADE,
    name        TEXT COLLATE "C" NOT NULL,
    name_key    TEXT COLLATE "C" NOT NULL,
    folder      BOOLEAN NOT NULL,
    blob_id     TEXT COLLATE "C" REFERENCES blobs (id),
    sha256      BYTEA,
    size        BIGINT NOT NULL DEFAULT 0,
    media_type  TEXT COLLATE "C" NOT NULL DEFAULT '',
    children    BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    UNIQUE (parent_id, name_key)
);
CREATE INDEX nodes_drive ON nodes (drive_id);
CREATE INDEX nodes_blob ON nodes (blob_id);

CREATE TABLE versions (
    id          TEXT COLLATE "C" PRIMARY KEY,
    drive_id    TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    node_id     TEXT COLLATE "C" NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    blob_id     TEXT COLLATE "C" NOT NULL REFERENCES blobs (id),
    size        BIGINT NOT NULL,
    media_type  TEXT COLLATE "C" NOT NULL,
    modified_at BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX versions_node ON versions (node_id, revision);
CREATE INDEX versions_drive ON versions (drive_id);
CREATE INDEX versions_blob ON versions (blob_id);

-- Where a removed node was. The node's own parent_id is NULL while it is here.
CREATE TABLE trash (
    node_id    TEXT COLLATE "C" PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    drive_id   TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    parent_id  TEXT COLLATE "C" NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    trashed_at BIGINT NOT NULL
);
CREATE INDEX trash_drive ON trash (drive_id, trashed_at);
CREATE INDEX trash_age ON trash (trashed_at);

CREATE TABLE changes (
    drive_id TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    sequence BIGINT NOT NULL,
    node_id  TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    path     TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (drive_id, sequence)
);

-- WebDAV dead properties. value is the element's inner XML as it was sent.
CREATE TABLE properties (
    node_id   TEXT COLLATE "C" NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    namespace TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    language  TEXT COLLATE "C" NOT NULL DEFAULT '',
    value     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (node_id, namespace, name)
);

-- WebDAV locks. path is the lock root as the client spelled it.
CREATE TABLE locks (
    token      TEXT COLLATE "C" PRIMARY KEY,
    drive_id   TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    node_id    TEXT COLLATE "C" NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    user_id    TEXT COLLATE "C" NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    deep       BOOLEAN NOT NULL,
    shared     BOOLEAN NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    timeout    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
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
    id           TEXT COLLATE "C" PRIMARY KEY,
    drive_id     TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    folder       TEXT COLLATE "C" NOT NULL,
    folder_id    TEXT COLLATE "C" NOT NULL DEFAULT '',
    name         TEXT COLLATE "C" NOT NULL,
    media_type   TEXT COLLATE "C" NOT NULL,
    modified_at  BIGINT NOT NULL,
    conflict     TEXT COLLATE "C" NOT NULL,
    metadata     TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    concat       TEXT COLLATE "C" NOT NULL DEFAULT '',
    sha256       BYTEA,
    length       BIGINT NOT NULL,
    received     BIGINT NOT NULL DEFAULT 0,
    digest       BYTEA,
    content      BYTEA,
    staged       BOOLEAN NOT NULL DEFAULT FALSE,
    node_id      TEXT COLLATE "C" NOT NULL DEFAULT '',
    completed_at BIGINT NOT NULL DEFAULT 0,
    gone_at      BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    active_at    BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    fence        BIGINT NOT NULL DEFAULT 0,
    holder       TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX uploads_drive ON uploads (drive_id);
CREATE INDEX uploads_open ON uploads (drive_id) WHERE completed_at = 0 AND gone_at = 0;
CREATE INDEX uploads_expiry ON uploads (expires_at, completed_at, gone_at, active_at);
CREATE INDEX uploads_content ON uploads (drive_id, sha256);

-- The partial uploads that a joined one is made of, in order. They may have ended since.
CREATE TABLE upload_parts (
    upload_id TEXT COLLATE "C" NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    position  BIGINT NOT NULL,
    part_id   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (upload_id, position)
);
CREATE INDEX upload_parts_part ON upload_parts (part_id);

-- Questions about content that somebody holds, asked of one who says to hold it too. Each is answered once.
CREATE TABLE proofs (
    id         TEXT COLLATE "C" PRIMARY KEY,
    drive_id   TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    blob_id    TEXT COLLATE "C" NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    nonce      BYTEA NOT NULL,
    ranges     TEXT COLLATE "C" NOT NULL,
    folder     TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    conflict   TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX proofs_drive ON proofs (drive_id);
CREATE INDEX proofs_blob ON proofs (blob_id);
CREATE INDEX proofs_expiry ON proofs (expires_at);

-- Processes that hold uploads, and when each was last seen. What a process holds that is not seen any more is free.
CREATE TABLE holders (
    id      TEXT COLLATE "C" PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

-- Uploads that a process holds and another one wants.
CREATE TABLE upload_wants (
    upload_id TEXT COLLATE "C" PRIMARY KEY REFERENCES uploads (id) ON DELETE CASCADE,
    asked_at  BIGINT NOT NULL
);
