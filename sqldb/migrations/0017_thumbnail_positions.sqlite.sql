-- Up to which change of a drive it was looked for images that have no thumbnails yet.
CREATE TABLE thumbnail_positions (
    drive_id TEXT PRIMARY KEY REFERENCES drives (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL
);
