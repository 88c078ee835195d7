"""Keeping: databases with one writer per file and readers beside it. The only room that names a database driver."""
