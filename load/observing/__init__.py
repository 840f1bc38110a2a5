"""Observing a run: what became of each message, by whom it is said, and the account."""
