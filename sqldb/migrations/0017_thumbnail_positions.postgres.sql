-- Up to which change of a drive it was looked for images that have no thumbnails yet.
CREATE TABLE thumbnail_positions (
    drive_id TEXT COLLATE "C" PRIMARY KEY REFERENCES drives (id) ON DELETE CASCADE,
    sequence BIGINT NOT NULL
);
