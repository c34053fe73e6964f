-- Jobs that one process at a time does: which one (empty: none), the fence that its updates name, when it was last seen, and how the runs went. next_at: when it
-- is due; 0 while it is done and not wanted once more.
CREATE TABLE jobs (
    name     TEXT PRIMARY KEY,
    node     TEXT NOT NULL DEFAULT '',
    holder   TEXT NOT NULL DEFAULT '',
    fence    INTEGER NOT NULL DEFAULT 0,
    seen_at  INTEGER NOT NULL DEFAULT 0,
    known_at INTEGER NOT NULL,
    begun_at INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER NOT NULL DEFAULT 0,
    well_at  INTEGER NOT NULL DEFAULT 0,
    took     INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL
);

-- The delivery of events is one of them.
ALTER TABLE event_delivery DROP COLUMN holder;
ALTER TABLE event_delivery DROP COLUMN fence;
ALTER TABLE event_delivery DROP COLUMN seen_at;

-- Content whose checksums somebody asked for and nobody knows yet.
CREATE TABLE checksum_wishes (
    drive_id TEXT NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    blob_id  TEXT NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (drive_id, blob_id)
);
CREATE INDEX checksum_wishes_blob ON checksum_wishes (blob_id);
CREATE INDEX checksum_wishes_first ON checksum_wishes (drive_id, asked_at, blob_id);
