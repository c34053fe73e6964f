-- What a file held before a change that gave it other content or ended it, by its SHA-256: NULL where the content stayed, and for what
-- happened before this column was there.
ALTER TABLE changes ADD COLUMN held BLOB;
