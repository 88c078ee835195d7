"""Captured mail: kept, found, waited for, deleted. Knows no session and no network."""
