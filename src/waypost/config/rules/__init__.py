"""The rules between settings, by what they are about. Each is a function from the loaded configuration to findings."""
