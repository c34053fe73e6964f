-- What is told to the operator's receiver of events: a row for each change, written with it, removed when the receiver took it. dead_at > 0: it was tried
-- for too long. Nothing refers to a drive's row, so that what happened in a drive that has ended is told all the same. size < 0 and sha256 NULL are not known.
CREATE TABLE events (
    id         TEXT COLLATE "C" PRIMARY KEY,
    drive_id   TEXT COLLATE "C" NOT NULL,
    sequence   BIGINT NOT NULL,
    node_id    TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    folder     BOOLEAN NOT NULL,
    size       BIGINT NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    sha256     BYTEA,
    parent_id  TEXT COLLATE "C" NOT NULL,
    from_id    TEXT COLLATE "C" NOT NULL,
    from_name  TEXT COLLATE "C" NOT NULL,
    since      BIGINT NOT NULL,
    tries      BIGINT NOT NULL DEFAULT 0,
    failure    TEXT COLLATE "C" NOT NULL DEFAULT '',
    dead_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX events_waiting ON events (drive_id, sequence) WHERE dead_at = 0;
CREATE INDEX events_dead ON events (dead_at) WHERE dead_at > 0;

-- Drives with events that wait, and when the first of them is tried. revision counts what came, so that whoever finds nothing left removes the row only if
-- nothing came since.
CREATE TABLE event_queues (
    drive_id TEXT COLLATE "C" PRIMARY KEY,
    revision BIGINT NOT NULL,
    next_at  BIGINT NOT NULL
);
CREATE INDEX event_queues_next ON event_queues (next_at);

-- One row: which process delivers, and the fence that its writes name. paused_for is a hash of the receiver's address that answered 410.
CREATE TABLE event_delivery (
    id         TEXT COLLATE "C" PRIMARY KEY,
    holder     TEXT COLLATE "C" NOT NULL DEFAULT '',
    fence      BIGINT NOT NULL DEFAULT 0,
    seen_at    BIGINT NOT NULL DEFAULT 0,
    paused_for TEXT COLLATE "C" NOT NULL DEFAULT '',
    paused_at  BIGINT NOT NULL DEFAULT 0
);
