"""What happens, told as it happens: events, log, metrics. Knows no database."""
