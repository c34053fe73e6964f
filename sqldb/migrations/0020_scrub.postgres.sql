-- The pass that reads all content again: one row, once there was a pass. Content up to after_id is read while one is under way; whole_at is when the last one had read
-- all, 0 if none has; known_at when the first began.
CREATE TABLE scrubs (
    id        TEXT COLLATE "C" PRIMARY KEY,
    under_way BOOLEAN NOT NULL,
    after_id  TEXT COLLATE "C" NOT NULL,
    begun_at  BIGINT NOT NULL,
    whole_at  BIGINT NOT NULL,
    known_at  BIGINT NOT NULL
);

-- Content that was not what its row says when it was last read: found is missing, changed or unreadable.
CREATE TABLE damaged_blobs (
    blob_id  TEXT COLLATE "C" PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    found    TEXT COLLATE "C" NOT NULL,
    found_at BIGINT NOT NULL
);
