"""Request bodies: when they are asked for, and how much of them is taken."""
