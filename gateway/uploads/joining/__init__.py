"""How chunks become one file: what each begins with, whether two have the same sound, and the plan of the join."""
