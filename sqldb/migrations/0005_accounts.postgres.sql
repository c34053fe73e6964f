-- Failed attempts. key is a digest of what was guessed at or of the network that guessed.
CREATE TABLE attempts (
    key           BYTEA PRIMARY KEY,
    failures      BIGINT NOT NULL,
    failed_at     BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX attempts_expiry ON attempts (expires_at);

-- From where an account was signed in to: an IPv4 address, or the first 64 bits of an IPv6 address.
CREATE TABLE known_networks (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network TEXT COLLATE "C" NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);
CREATE INDEX known_networks_age ON known_networks (seen_at);

-- Invitations.

-- Codes that were sent.

-- Second factor.

-- Passkeys.

-- App passwords. folder_id is the folder that one is kept to, empty for the whole drive; expires_at 0 is never. A folder may be gone:
-- the password then opens nothing. An upload that was begun with one which is kept to a folder is kept to it as well.
CREATE TABLE app_passwords (
    id         TEXT COLLATE "C" PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL UNIQUE,
    name       TEXT COLLATE "C" NOT NULL,
    folder_id  TEXT COLLATE "C" NOT NULL DEFAULT '',
    read_only  BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX app_passwords_user ON app_passwords (user_id, id);
ALTER TABLE uploads ADD COLUMN within TEXT COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX uploads_chunked;
CREATE UNIQUE INDEX uploads_chunked ON uploads (drive_id, name, within) WHERE kind = 'chunked';

-- Accounts elsewhere (OpenID Connect).

-- Downloads of all one's data.

-- What was done to accounts and by whom. Accounts are not referenced, so that a deleted one leaves its trace. user_id is whose account
-- it is about, actor_id who did it: the same, an administrator, or empty for the command line and for strangers.
CREATE TABLE audit (
    id         TEXT COLLATE "C" PRIMARY KEY,
    at         BIGINT NOT NULL,
    event      TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL DEFAULT '',
    actor_id   TEXT COLLATE "C" NOT NULL DEFAULT '',
    address    TEXT COLLATE "C" NOT NULL DEFAULT '',
    user_agent TEXT COLLATE "C" NOT NULL DEFAULT '',
    detail     TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX audit_user ON audit (user_id, id);
