-- What package certificate has from an authority that speaks ACME: certificates, their keys, the account, challenges that are under way.
CREATE TABLE acme_items (
    key         TEXT COLLATE "C" PRIMARY KEY,
    value       BYTEA NOT NULL,
    modified_at BIGINT NOT NULL
);

-- Who asks the authority: a holder says that it is there by counting.
CREATE TABLE acme_locks (
    name   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    beats  BIGINT NOT NULL
);
