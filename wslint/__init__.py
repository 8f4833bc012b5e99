"""Static analyser for the WebSocket stack of Django projects (Django Channels)."""

__version__ = "0.1.0"
