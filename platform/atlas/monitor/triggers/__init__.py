"""The triggers: each says what it sees of a champion's life, and fires at most once for a cause."""
