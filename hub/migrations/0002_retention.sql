-- What is swept: roots in the order in which they were reserved, and how often blobs were deleted, so that a sweep and
-- a publication notice each other. `rowid` is SQLite's own; where the first schema was never in use, there is no row.

ALTER TABLE roots ADD COLUMN reserved_order BIGINT NOT NULL DEFAULT 0;
UPDATE roots SET reserved_order = rowid;
CREATE UNIQUE INDEX roots_by_order ON roots (reserved_order);

INSERT INTO counters (name, value)
SELECT 'roots_reserved', COALESCE(MAX(reserved_order), 0) FROM roots;
INSERT INTO counters (name, value) VALUES ('blobs_swept', 0);
