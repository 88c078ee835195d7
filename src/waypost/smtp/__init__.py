"""The language: grammar, commands, wire, extensions, states, sessions of server and client. Sans-IO: knows no network."""
