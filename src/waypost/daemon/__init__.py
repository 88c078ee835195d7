"""The only joiner: picks bodies for protocols and runs processes."""
