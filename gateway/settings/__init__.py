"""Every setting: its type, its default and its limits, and how files, environment and flags become one `Config`."""
