"""Tokens that say who a connection belongs to, and how they fail."""
