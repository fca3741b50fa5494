"""The player page at `/`, the pages of share links at `/shared/`, and the contract page at `/docs`."""
