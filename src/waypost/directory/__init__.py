"""Who lives here: domains, mailboxes, aliases, credentials. Knows no session and no transport."""
