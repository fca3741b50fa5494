"""The commands. `gateway/cli.py` imports a command's module when the command is used."""
