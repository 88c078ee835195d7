"""Reaching others: streams, listening, dialling, names, TLS. The only room that names sockets and TLS."""
