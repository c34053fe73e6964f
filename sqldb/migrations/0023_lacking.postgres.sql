-- How much the last run of a job that went well had to leave out: contents that a backup lacks.
ALTER TABLE jobs ADD COLUMN lacking BIGINT NOT NULL DEFAULT 0;
