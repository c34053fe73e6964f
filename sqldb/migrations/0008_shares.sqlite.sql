-- Files and folders that their owner opens to whoever has a link. The link is a MAC of the id (link_keys), so it is in no row. kind is 'download' or 'drop'.
-- most is how many uses there are, 0 for any number; expires_at 0 is never. password is argon2id's, empty for none; tries, tried_at and blocked_until
-- are about guesses at it.
CREATE TABLE shares (
    id            TEXT PRIMARY KEY,
    drive_id      TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    node_id       TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    password      TEXT NOT NULL DEFAULT '',
    most          INTEGER NOT NULL DEFAULT 0,
    uses          INTEGER NOT NULL DEFAULT 0,
    max_size      INTEGER NOT NULL DEFAULT 0,
    expires_at    INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    used_at       INTEGER NOT NULL DEFAULT 0,
    tries         INTEGER NOT NULL DEFAULT 0,
    tried_at      INTEGER NOT NULL DEFAULT 0,
    blocked_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX shares_drive ON shares (drive_id, id);
CREATE INDEX shares_node ON shares (node_id);
CREATE INDEX shares_expiry ON shares (expires_at);
