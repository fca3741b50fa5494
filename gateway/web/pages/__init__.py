"""The player page at `/` and the contract page at `/docs`."""
