-- The tables of a shard as they are today: the sum of the migrations, which a test proves.

CREATE TABLE message (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,
    envelope BLOB NOT NULL,
    held     INTEGER NOT NULL,
    content  BLOB,
    extents  BLOB
);
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_extents ON message (extents) WHERE extents IS NOT NULL;

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
