"""Consumers: their classes, what handles a frame, what cleans up, how they close."""
