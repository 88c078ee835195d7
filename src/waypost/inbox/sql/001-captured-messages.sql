-- Captured messages. What lists and searches ask for stands in columns; addresses in the form in which they are compared.
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    captured REAL NOT NULL,
    envelope BLOB NOT NULL,
    sender TEXT NOT NULL,
    sender_domain TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_folded TEXT NOT NULL,
    message_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    content INTEGER NOT NULL
) STRICT;

CREATE INDEX message_captured ON message (captured);

-- Those for whom a message was captured.
CREATE TABLE recipient (
    message INTEGER NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL
) STRICT;

CREATE INDEX recipient_message ON recipient (message);

-- One row per content begun; without a message it is what a crash left over.
CREATE TABLE content (
    number INTEGER PRIMARY KEY AUTOINCREMENT
) STRICT;

-- Content in pieces of at most 256 KiB.
CREATE TABLE piece (
    content INTEGER NOT NULL,
    position INTEGER NOT NULL,
    octets BLOB NOT NULL,
    PRIMARY KEY (content, position)
) STRICT;

-- How many messages there are, counted as they come and go: counting them each time would cost more than keeping one.
CREATE TABLE tally (
    messages INTEGER NOT NULL
) STRICT;

INSERT INTO tally VALUES (0);

CREATE TRIGGER message_came AFTER INSERT ON message BEGIN
    UPDATE tally SET messages = messages + 1;
END;

CREATE TRIGGER message_went AFTER DELETE ON message BEGIN
    UPDATE tally SET messages = messages - 1;
END;
