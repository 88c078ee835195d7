"""Acting outward: leases become attempts, attempts become outcomes. Never imports accept: they meet in the spool."""
