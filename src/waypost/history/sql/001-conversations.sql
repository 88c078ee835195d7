-- Conversations, in the order in which they were kept.
CREATE TABLE transcript (
    number INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    began REAL NOT NULL,
    refused INTEGER NOT NULL,
    octets BLOB NOT NULL
) STRICT;

CREATE INDEX transcript_began ON transcript (began);
CREATE INDEX transcript_refused ON transcript (number) WHERE refused = 1;

-- The messages that a conversation brought or carried.
CREATE TABLE carried (
    message TEXT NOT NULL,
    transcript INTEGER NOT NULL
) STRICT;

CREATE INDEX carried_message ON carried (message);
CREATE INDEX carried_transcript ON carried (transcript);

-- How many conversations there are, counted as they come and go.
CREATE TABLE tally (
    transcripts INTEGER NOT NULL
) STRICT;

INSERT INTO tally VALUES (0);

CREATE TRIGGER transcript_came AFTER INSERT ON transcript BEGIN
    UPDATE tally SET transcripts = transcripts + 1;
END;

CREATE TRIGGER transcript_went AFTER DELETE ON transcript BEGIN
    UPDATE tally SET transcripts = transcripts - 1;
END;
