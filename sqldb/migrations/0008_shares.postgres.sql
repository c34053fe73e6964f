-- Files and folders that their owner opens to whoever has a link. The link is a MAC of the id (link_keys), so it is in no row. kind is 'download' or 'drop'.
-- most is how many uses there are, 0 for any number; expires_at 0 is never. password is argon2id's, empty for none; tries, tried_at and blocked_until
-- are about guesses at it.
CREATE TABLE shares (
    id            TEXT COLLATE "C" PRIMARY KEY,
    drive_id      TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    node_id       TEXT COLLATE "C" NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    kind          TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    password      TEXT COLLATE "C" NOT NULL DEFAULT '',
    most          BIGINT NOT NULL DEFAULT 0,
    uses          BIGINT NOT NULL DEFAULT 0,
    max_size      BIGINT NOT NULL DEFAULT 0,
    expires_at    BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    used_at       BIGINT NOT NULL DEFAULT 0,
    tries         BIGINT NOT NULL DEFAULT 0,
    tried_at      BIGINT NOT NULL DEFAULT 0,
    blocked_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX shares_drive ON shares (drive_id, id);
CREATE INDEX shares_node ON shares (node_id);
CREATE INDEX shares_expiry ON shares (expires_at);
