-- What blob/s3 knows of each stage and blob: the objects and parts that hold it. Who saves a row names its version, so that of two only one does.
CREATE TABLE s3_contents (
    key         TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    sealed      BOOLEAN NOT NULL,
    live        BOOLEAN NOT NULL,
    settling    BOOLEAN NOT NULL,
    object      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    upload      TEXT NOT NULL,
    upload_id   TEXT NOT NULL,
    next_part   INTEGER NOT NULL,
    tail        TEXT NOT NULL,
    tail_size   INTEGER NOT NULL,
    modified_at INTEGER NOT NULL
);

-- Parts that S3 has taken of an upload that is not complete.
CREATE TABLE s3_parts (
    key      TEXT NOT NULL REFERENCES s3_contents (key) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    starts   INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    etag     TEXT NOT NULL,
    PRIMARY KEY (key, number)
);
