-- proven_at is when the owner last showed who they are for a session, opened_by the session whose ticket opened it.
ALTER TABLE sessions ADD COLUMN proven_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN opened_by TEXT NOT NULL DEFAULT '';

-- Failed attempts. key is a digest of what was guessed at or of the network that guessed.
CREATE TABLE attempts (
    key           BLOB PRIMARY KEY,
    failures      INTEGER NOT NULL,
    failed_at     INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
);
CREATE INDEX attempts_expiry ON attempts (expires_at);

-- From where an account was signed in to: an IPv4 address, or the first 64 bits of an IPv6 address.
CREATE TABLE known_networks (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, network)
);
CREATE INDEX known_networks_age ON known_networks (seen_at);

-- Invitations.
CREATE TABLE invitations (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    note       TEXT NOT NULL DEFAULT '',
    uses       INTEGER NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0,
    created_by TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX invitations_expiry ON invitations (expires_at);

-- Codes that were sent. target is what makes two addresses the same, client the network that asked. Rows stay for a day: the bounds count them.
ALTER TABLE users ADD COLUMN email_verified_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN phone_verified_at INTEGER NOT NULL DEFAULT 0;
CREATE TABLE codes (
    id         TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,
    target     TEXT NOT NULL,
    user_id    TEXT NOT NULL DEFAULT '',
    mac        BLOB NOT NULL,
    client     TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    used_at    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX codes_target ON codes (target, id);
CREATE INDEX codes_client ON codes (client, created_at);
CREATE INDEX codes_created ON codes (created_at);
-- The key of the MACs of codes. Its row is also what those who send codes wait for each other at.
CREATE TABLE code_keys (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

-- Second factor. users.factor_at is since when an account has one (an authenticator app or a passkey), 0 for none: what Basic asks.
ALTER TABLE users ADD COLUMN factor_at INTEGER NOT NULL DEFAULT 0;

-- Authenticator apps (RFC 6238). secret is base32. Until confirmed_at is set it opens nothing. No code of last_step or before it is taken again.
CREATE TABLE totp (
    user_id      TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL DEFAULT 0,
    last_step    INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Sign-ins on the pages whose password was right and whose second factor is to come. password_hash is the one that was right: a
-- changed password ends them.
CREATE TABLE half_sign_ins (
    hash          BLOB PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL,
    how           TEXT NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    expires_at    INTEGER NOT NULL
);
CREATE INDEX half_sign_ins_user ON half_sign_ins (user_id);
CREATE INDEX half_sign_ins_expiry ON half_sign_ins (expires_at);

-- Passkeys (Web Authentication, Level 3). rp_id is the host that they are for.
CREATE TABLE passkeys (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id   BLOB NOT NULL UNIQUE,
    rp_id           TEXT NOT NULL,
    name            TEXT NOT NULL,
    public_key      BLOB NOT NULL,
    sign_count      INTEGER NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    transports      TEXT NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL,
    used_at         INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Questions to browsers, by the hash of the challenge, each to be answered once. user_id and session_id are who may, if that is known;
-- half is the hash of the half sign-in that the answer ends; ceremony is what the library wants back.
CREATE TABLE passkey_challenges (
    hash       BLOB PRIMARY KEY,
    purpose    TEXT NOT NULL,
    user_id    TEXT REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    half       BLOB,
    name       TEXT NOT NULL DEFAULT '',
    network    TEXT NOT NULL DEFAULT '',
    ceremony   TEXT NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
CREATE INDEX passkey_challenges_network ON passkey_challenges (network, expires_at);
CREATE INDEX passkey_challenges_user ON passkey_challenges (user_id);
CREATE INDEX passkey_challenges_session ON passkey_challenges (session_id);

-- App passwords. folder_id is the folder that one is kept to, empty for the whole drive; expires_at 0 is never. A folder may be gone:
-- the password then opens nothing. An upload that was begun with one which is kept to a folder is kept to it as well.
CREATE TABLE app_passwords (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    folder_id  TEXT NOT NULL DEFAULT '',
    read_only  BOOLEAN NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX app_passwords_user ON app_passwords (user_id, id);
ALTER TABLE uploads ADD COLUMN within TEXT NOT NULL DEFAULT '';
DROP INDEX uploads_chunked;
CREATE UNIQUE INDEX uploads_chunked ON uploads (drive_id, name, within) WHERE kind = 'chunked';

-- Accounts elsewhere (OpenID Connect).
CREATE TABLE identities (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    label      TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);

-- Sign-ins at a provider that have begun. state and browser are hashes. Of one that links the provider's account to one that is
-- signed in here, user_id and session_id say to which.
CREATE TABLE oidc_sign_ins (
    state      BLOB PRIMARY KEY,
    browser    BLOB NOT NULL,
    provider   TEXT NOT NULL,
    callback   TEXT NOT NULL,
    next       TEXT NOT NULL DEFAULT '',
    user_id    TEXT NOT NULL DEFAULT '',
    session_id TEXT NOT NULL DEFAULT '',
    network    TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX oidc_sign_ins_network ON oidc_sign_ins (network, created_at);
CREATE INDEX oidc_sign_ins_created ON oidc_sign_ins (created_at);
CREATE INDEX oidc_sign_ins_expiry ON oidc_sign_ins (expires_at);

-- Administration. An account that is being deleted (deleted_at) has lost its names, so that others may take them, and waits for its drive to be
-- removed in pieces. A drive that is being removed (closed_at) takes no change any more.
ALTER TABLE users ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_deleted ON users (id) WHERE deleted_at > 0;
CREATE INDEX users_disabled ON users (id) WHERE disabled_at > 0;
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';
ALTER TABLE drives ADD COLUMN closed_at INTEGER NOT NULL DEFAULT 0;

-- How many lines of the audit log somebody has made in an hour (counted from 1970), and the newest of them: when there are too many, it
-- counts the others.
CREATE TABLE audit_floods (
    event   TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hour    INTEGER NOT NULL,
    lines   INTEGER NOT NULL,
    line_id TEXT NOT NULL,
    PRIMARY KEY (event, user_id)
);


-- What was done to accounts and by whom. Accounts are not referenced, so that a deleted one leaves its trace. user_id is whose account
-- it is about, actor_id who did it: the same, an administrator, or empty for the command line and for strangers. times is for how many equal events
-- the line stands.
CREATE TABLE audit (
    id         TEXT PRIMARY KEY,
    at         INTEGER NOT NULL,
    event      TEXT NOT NULL,
    user_id    TEXT NOT NULL DEFAULT '',
    actor_id   TEXT NOT NULL DEFAULT '',
    address    TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT '',
    detail     TEXT NOT NULL DEFAULT '',
    times      INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX audit_age ON audit (at, id);
CREATE INDEX audit_user ON audit (user_id, at, id);
CREATE INDEX audit_event ON audit (event, at, id);
