"""The configuration: reads one TOML file into the rooms' settings. Knows no server."""
