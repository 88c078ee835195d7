"""The probes: each asks one question of a host and gives findings."""
