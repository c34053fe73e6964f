-- Jobs that one process at a time does: which one (empty: none), the fence that its updates name, when it was last seen, and how the runs went. next_at: when it
-- is due; 0 while it is done and not wanted once more.
CREATE TABLE jobs (
    name     TEXT COLLATE "C" PRIMARY KEY,
    node     TEXT COLLATE "C" NOT NULL DEFAULT '',
    holder   TEXT COLLATE "C" NOT NULL DEFAULT '',
    fence    BIGINT NOT NULL DEFAULT 0,
    seen_at  BIGINT NOT NULL DEFAULT 0,
    known_at BIGINT NOT NULL,
    begun_at BIGINT NOT NULL DEFAULT 0,
    ended_at BIGINT NOT NULL DEFAULT 0,
    well_at  BIGINT NOT NULL DEFAULT 0,
    took     BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    next_at  BIGINT NOT NULL
);

-- The delivery of events is one of them.
ALTER TABLE event_delivery DROP COLUMN holder;
ALTER TABLE event_delivery DROP COLUMN fence;
ALTER TABLE event_delivery DROP COLUMN seen_at;

-- Content whose checksums somebody asked for and nobody knows yet.
CREATE TABLE checksum_wishes (
    drive_id TEXT COLLATE "C" NOT NULL REFERENCES drives (id) ON DELETE CASCADE,
    blob_id  TEXT COLLATE "C" NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (drive_id, blob_id)
);
CREATE INDEX checksum_wishes_blob ON checksum_wishes (blob_id);
CREATE INDEX checksum_wishes_first ON checksum_wishes (drive_id, asked_at, blob_id);
