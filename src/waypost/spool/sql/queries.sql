-- Every statement of the spool, by name.

-- keep_message --
-- Keeps a message; without rows of its own each of its recipients is queued, or held if the message is.
INSERT INTO message (number, id, envelope, held, content, extents) VALUES (?, ?, ?, ?, ?, ?);

-- forget_message --
-- Forgets a message whose recipients are all settled.
DELETE FROM message WHERE number = ?;

-- forget_recipients --
-- Forgets the recipients of such a message.
DELETE FROM recipient WHERE message = ?;

-- spread_recipient --
-- Gives a queued or held recipient a row of its own, once the message no longer stands as a whole.
INSERT OR IGNORE INTO recipient (message, position, domain, state, next_at, attempts, delay_notified)
VALUES (?, ?, ?, ?, ?, 0, 0);

-- settle_recipient --
-- Records the result of an attempt.
UPDATE recipient
SET state = ?1, next_at = ?2, attempts = attempts + ?3, first_at = coalesce(first_at, ?4), last_at = ?4, last = ?5,
    delay_notified = max(delay_notified, ?6)
WHERE message = ?7 AND position = ?8;

-- alter_recipient --
-- Does what an operator wants, if the recipient still stands where the operator saw it.
UPDATE recipient SET state = ?1, next_at = ?2 WHERE message = ?3 AND position = ?4 AND state = ?5;

-- unsettled_recipient --
-- Finds out whether a message still has a recipient that is not settled.
SELECT 1 FROM recipient WHERE message = ? AND state IN ('queued', 'deferred', 'held') LIMIT 1;

-- last_number --
-- The highest number in use.
SELECT max(number) FROM message;

-- extents --
-- All that is in use in the segment files, from an index alone.
SELECT extents FROM message WHERE extents IS NOT NULL;

-- message --
-- A message with its content, or with where its content is.
SELECT id, envelope, content, extents FROM message WHERE number = ?;

-- content --
-- The content of a message, or where it is.
SELECT content, extents FROM message WHERE number = ?;

-- due_recipients --
-- The recipients of a message that are due at one domain; the plus signs keep the search on the message.
SELECT position, attempts, first_at, last, delay_notified FROM recipient
WHERE message = ?1 AND +domain = ?2 AND +next_at <= ?3 ORDER BY position;

-- due_messages --
-- The next messages that are due at a domain, from a place in the order on; it walks no row before that place.
SELECT next_at, message FROM recipient
WHERE domain = ?1 AND next_at IS NOT NULL AND (next_at, message) > (?2, ?3) AND next_at <= ?4
ORDER BY next_at, message LIMIT ?5;

-- next_due --
-- When the next recipient of a domain falls due.
SELECT next_at FROM recipient WHERE domain = ?1 AND next_at IS NOT NULL AND next_at > ?2 ORDER BY next_at LIMIT 1;

-- due_domains --
-- A page of the domains for which somebody waits, each with the moment at which its first falls due; read at start.
SELECT domain, min(next_at) FROM recipient WHERE next_at IS NOT NULL AND domain > ? GROUP BY domain ORDER BY domain LIMIT ?;

-- empty_domain --
-- The same for the empty domain: <Postmaster> has none.
SELECT min(next_at) FROM recipient WHERE next_at IS NOT NULL AND domain = '';

-- whole_messages --
-- A page of the messages never attempted, in the order of their ids; read at start.
SELECT id, number FROM message
WHERE id > ?1 AND number <= ?2 AND held = 0 AND NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.message = message.number)
ORDER BY id LIMIT ?3;

-- envelope --
-- The envelope of a message.
SELECT envelope FROM message WHERE number = ?;

-- recipients --
-- The rows of the recipients of a message; none where it was never attempted.
SELECT position, domain, state, next_at, attempts, first_at, last_at, last, delay_notified FROM recipient
WHERE message = ? ORDER BY position;

-- standing --
-- Where the recipients of a message stand.
SELECT position, state FROM recipient WHERE message = ?;

-- messages --
-- The next messages in the order of their ids, with the octets of small content; it walks an index from a place in it.
SELECT number, envelope, held, length(content), extents FROM message WHERE id > ? ORDER BY id LIMIT ?;

-- message_by_id --
-- The same for one message by its queue id.
SELECT number, envelope, held, length(content), extents FROM message WHERE id = ?;
