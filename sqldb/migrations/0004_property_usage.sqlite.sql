-- Dead properties count against the quota, like content. Those that are there were not counted yet.
UPDATE drives SET used = used + COALESCE((
    SELECT SUM(octet_length(p.namespace) + octet_length(p.name) + octet_length(p.language) + octet_length(p.value))
    FROM properties p JOIN nodes n ON n.id = p.node_id WHERE n.drive_id = drives.id), 0);
