"""Access control: authentication, rate limits and CORS."""
