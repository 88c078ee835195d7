"""Judging what comes in: verdicts as values, checks by phase, relay control apart from all else. Knows no socket and no spool."""
