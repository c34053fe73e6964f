-- What blob/s3 knows of each stage and blob: the objects and parts that hold it. Who saves a row names its version, so that of two only one does.
CREATE TABLE s3_contents (
    key         TEXT COLLATE "C" PRIMARY KEY,
    version     BIGINT NOT NULL,
    epoch       BIGINT NOT NULL,
    sealed      BOOLEAN NOT NULL,
    live        BOOLEAN NOT NULL,
    settling    BOOLEAN NOT NULL,
    object      TEXT COLLATE "C" NOT NULL,
    size        BIGINT NOT NULL,
    upload      TEXT COLLATE "C" NOT NULL,
    upload_id   TEXT COLLATE "C" NOT NULL,
    next_part   BIGINT NOT NULL,
    tail        TEXT COLLATE "C" NOT NULL,
    tail_size   BIGINT NOT NULL,
    modified_at BIGINT NOT NULL
);

-- Parts that S3 has taken of an upload that is not complete.
CREATE TABLE s3_parts (
    key      TEXT COLLATE "C" NOT NULL REFERENCES s3_contents (key) ON DELETE CASCADE,
    number   BIGINT NOT NULL,
    starts   BIGINT NOT NULL,
    size     BIGINT NOT NULL,
    etag     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (key, number)
);
