-- The statements of the inbox.

-- begin_content --
-- Open a content; its number is never used again.
INSERT INTO content DEFAULT VALUES RETURNING number;

-- add_piece --
-- Append a piece to a content.
INSERT INTO piece (content, position, octets) VALUES (?1, ?2, ?3);

-- add_message --
-- Name a content that is whole: from here on the message exists.
INSERT INTO message (id, captured, envelope, sender, sender_domain, subject, subject_folded, message_id, size, content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
RETURNING number;

-- add_recipient --
-- One more for whom the message was captured.
INSERT INTO recipient (message, address, domain) VALUES (?1, ?2, ?3);

-- by_id --
-- The message of a queue id.
SELECT number, captured, envelope, subject, message_id, size, content FROM message WHERE id = ?1;

-- set_envelope --
-- Write the envelope anew when recipients came to it.
UPDATE message SET envelope = ?2 WHERE number = ?1;

-- find --
-- The messages that match, newest first; NULL asks for nothing. 1 ids as a JSON array, 2 sender, 3 its domain, 4 recipient,
-- 5 its domain, 6 part of the subject, 7 moment after which, 8 limit (-1: none), 9 moment up to which.
SELECT number, captured, envelope, subject, message_id, size, content FROM message
WHERE (?1 IS NULL OR id IN (SELECT value FROM json_each(?1)))
  AND (?2 IS NULL OR sender = ?2)
  AND (?3 IS NULL OR sender_domain = ?3)
  AND (?4 IS NULL OR EXISTS (SELECT 1 FROM recipient WHERE message = number AND address = ?4))
  AND (?5 IS NULL OR EXISTS (SELECT 1 FROM recipient WHERE message = number AND domain = ?5))
  AND (?6 IS NULL OR instr(subject_folded, ?6) > 0)
  AND (?7 IS NULL OR captured > ?7)
  AND (?9 IS NULL OR captured <= ?9)
ORDER BY number DESC
LIMIT ?8;

-- piece --
-- One piece of a content.
SELECT octets FROM piece WHERE content = ?1 AND position = ?2;

-- count --
-- How many messages there are.
SELECT messages FROM tally;

-- oldest --
-- The oldest messages, so many of them.
SELECT number, content FROM message ORDER BY number LIMIT ?1;

-- older --
-- The messages captured before a moment.
SELECT number, content FROM message WHERE captured < ?1;

-- delete_message --
-- Forget a message.
DELETE FROM message WHERE number = ?1;

-- delete_recipients --
-- Forget for whom it was captured.
DELETE FROM recipient WHERE message = ?1;

-- delete_pieces --
-- Forget the octets of a content.
DELETE FROM piece WHERE content = ?1;

-- delete_content --
-- Forget a content.
DELETE FROM content WHERE number = ?1;

-- left_over --
-- Contents that no message names: a crash or a failure came before they were whole.
SELECT number FROM content WHERE number NOT IN (SELECT content FROM message);
