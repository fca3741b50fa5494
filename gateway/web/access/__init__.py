"""Who may ask: authentication, rate limits and CORS."""
