"""The checks that come with the server."""
