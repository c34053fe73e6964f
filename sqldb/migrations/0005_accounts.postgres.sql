-- Failed attempts.

-- Invitations.

-- Codes that were sent.

-- Second factor.

-- Passkeys.

-- App passwords.

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
