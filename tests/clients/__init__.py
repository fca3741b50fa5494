"""Programs that people have, against the running gateway."""
