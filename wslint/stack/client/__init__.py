"""What a client sends, and what is believed of it."""
