-- The statements of history.

-- keep --
-- Keep a conversation; one that goes on takes the place of its beginning.
INSERT INTO transcript (session, began, refused, octets) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (session) DO UPDATE SET began = ?2, refused = ?3, octets = ?4
RETURNING number;

-- forget_carried --
-- Forget which messages a conversation carried.
DELETE FROM carried WHERE transcript = ?1;

-- carry --
-- A conversation brought or carried a message.
INSERT INTO carried (message, transcript) VALUES (?1, ?2);

-- read --
-- The conversation of a session.
SELECT octets FROM transcript WHERE session = ?1;

-- recent --
-- The conversations kept last.
SELECT octets FROM transcript ORDER BY number DESC LIMIT ?1;

-- recent_refused --
-- The conversations kept last of those that ended in a refusal.
SELECT octets FROM transcript WHERE refused = 1 ORDER BY number DESC LIMIT ?1;

-- about --
-- The conversations about a message.
SELECT octets FROM transcript WHERE number IN (SELECT transcript FROM carried WHERE message = ?1) ORDER BY number;

-- count --
-- How many conversations there are.
SELECT transcripts FROM tally;

-- oldest --
-- The conversations kept first, so many of them.
SELECT number FROM transcript ORDER BY number LIMIT ?1;

-- older --
-- The conversations begun before a moment.
SELECT number FROM transcript WHERE began < ?1;

-- forget --
-- Forget a conversation.
DELETE FROM transcript WHERE number = ?1;
