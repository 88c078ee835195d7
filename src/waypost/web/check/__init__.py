"""A mail server checked from a page: who may ask, what may be reached, and how it is shown."""
