"""The commands, one room for each thing a person does.

Knows: options, what is printed, and where. Refuses to know: SQL, HTTP and storages; it asks for
the backends and calls them. The web and PyAV are imported when a command needs them, so that help is quick.
"""
