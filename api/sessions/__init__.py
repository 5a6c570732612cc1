"""One-time sessions, kept in Redis: made for a caller with a token, used once by whoever holds their id."""
