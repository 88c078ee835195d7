-- A message is one row, written once and deleted when every recipient is settled. Small content lies in it; of large content
-- it names the extents in segment files. The row is the truth: space that no row names is free.
CREATE TABLE message (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,
    envelope BLOB NOT NULL,
    held     INTEGER NOT NULL,
    content  BLOB,
    extents  BLOB
);
CREATE UNIQUE INDEX message_id ON message (id);
-- What is in use in the segment files is read from this index alone at start.
CREATE INDEX message_extents ON message (extents) WHERE extents IS NOT NULL;

-- A message without rows here has never been attempted: all its recipients are queued. The first result that does not finish
-- the message brings a row for each recipient; `next_at` is set exactly while a recipient waits for an attempt.
CREATE TABLE recipient (
    message        INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    domain         TEXT NOT NULL,
    state          TEXT NOT NULL,
    next_at        REAL,
    attempts       INTEGER NOT NULL,
    first_at       REAL,
    last_at        REAL,
    last           BLOB,
    delay_notified INTEGER NOT NULL,
    PRIMARY KEY (message, position)
) WITHOUT ROWID;
CREATE INDEX recipient_due ON recipient (domain, next_at) WHERE next_at IS NOT NULL;
