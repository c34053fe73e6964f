-- Which installation this is: one row, once its content was first opened. A folder of content is marked with it, so that another is not taken for it.
CREATE TABLE installations (
    id      TEXT COLLATE "C" PRIMARY KEY,
    mark    TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL
);
