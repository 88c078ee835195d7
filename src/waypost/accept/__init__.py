"""Acting inward: listeners, sessions, transactions. Never imports deliver: they meet in the spool."""
