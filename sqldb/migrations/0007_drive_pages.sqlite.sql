-- The folders in a folder, which every listing has first, and by their names.
CREATE INDEX nodes_folders ON nodes (parent_id, name_key) WHERE folder;

-- A search reads the names of a drive, in order, from the index alone.
CREATE INDEX nodes_names ON nodes (drive_id, name_key, id);
DROP INDEX nodes_drive;

-- The key of the codes in download links (HMAC). It has one row, made when it is first needed.
CREATE TABLE link_keys (
    id         TEXT PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
);
