"""The inbox half of the web: captured mail, the conversation that brought it, refused sessions. Knows no store: it asks the desk."""
