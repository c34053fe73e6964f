-- What administrators look at: what was done from an address, and the uploads of everybody that are under way, newest first.
CREATE INDEX audit_address ON audit (address, at, id);
CREATE INDEX uploads_now ON uploads (id) WHERE completed_at = 0 AND gone_at = 0;
