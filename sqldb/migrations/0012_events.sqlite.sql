-- What is told to the operator's receiver of events: a row for each change, written with it, removed when the receiver took it. dead_at > 0: it was tried
-- for too long. Nothing refers to a drive's row, so that what happened in a drive that has ended is told all the same. size < 0 and sha256 NULL are not known.
CREATE TABLE events (
    id         TEXT PRIMARY KEY,
    drive_id   TEXT NOT NULL,
    sequence   INTEGER NOT NULL,
    node_id    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    path       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    folder     BOOLEAN NOT NULL,
    size       INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    sha256     BLOB,
    parent_id  TEXT NOT NULL,
    from_id    TEXT NOT NULL,
    from_name  TEXT NOT NULL,
    since      INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    failure    TEXT NOT NULL DEFAULT '',
    dead_at    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX events_waiting ON events (drive_id, sequence) WHERE dead_at = 0;
CREATE INDEX events_dead ON events (dead_at) WHERE dead_at > 0;

-- Drives with events that wait, and when the first of them is tried. revision counts what came, so that whoever finds nothing left removes the row only if
-- nothing came since.
CREATE TABLE event_queues (
    drive_id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    next_at  INTEGER NOT NULL
);
CREATE INDEX event_queues_next ON event_queues (next_at);

-- One row: which process delivers, and the fence that its writes name. paused_for is a hash of the receiver's address that answered 410.
CREATE TABLE event_delivery (
    id         TEXT PRIMARY KEY,
    holder     TEXT NOT NULL DEFAULT '',
    fence      INTEGER NOT NULL DEFAULT 0,
    seen_at    INTEGER NOT NULL DEFAULT 0,
    paused_for TEXT NOT NULL DEFAULT '',
    paused_at  INTEGER NOT NULL DEFAULT 0
);
