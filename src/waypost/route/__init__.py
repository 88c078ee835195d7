"""Where a recipient goes next: transports, exchangers, plans as values. Knows no session and no spool."""
