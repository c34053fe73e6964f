-- What package certificate has from an authority that speaks ACME: certificates, their keys, the account, challenges that are under way.
CREATE TABLE acme_items (
    key         TEXT PRIMARY KEY,
    value       BLOB NOT NULL,
    modified_at INTEGER NOT NULL
);

-- Who asks the authority: a holder says that it is there by counting.
CREATE TABLE acme_locks (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    beats  INTEGER NOT NULL
);
