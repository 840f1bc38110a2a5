"""Shapes of a load: when messages are due, who takes which, and the search for a capacity."""
