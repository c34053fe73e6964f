-- A change says where the node was before (from_id, from_name) and where it is after (parent_id, and the last name of path); an empty
-- folder's id is nowhere. drives.pruned is the number up to which changes are gone; the newest one of a drive stays for ever.
ALTER TABLE changes ADD COLUMN folder BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE changes ADD COLUMN from_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN from_name TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN parent_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE drives ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;

-- What was written before does not say where, so nobody can sync by it.
DELETE FROM changes WHERE sequence < (SELECT sequence FROM drives WHERE drives.id = changes.drive_id);
UPDATE drives SET pruned = sequence - 1 WHERE sequence > 0;
