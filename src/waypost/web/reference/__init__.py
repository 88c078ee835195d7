"""The reference half of the web: every reply on a page of its own, in each language, served or as files. Reads the records alone."""
