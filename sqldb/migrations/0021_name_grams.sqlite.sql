-- Only Postgres gets an index of what names hold. SQLite reads a drive's names where they are, in less time, and would take longer for every new name.
SELECT 1;
