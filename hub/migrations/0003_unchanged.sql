-- Until when a cluster was as its agent reported last: a contact of an agent that sees its cluster says so.

ALTER TABLE clusters ADD COLUMN unchanged_unix_ms BIGINT;
