"""Groups and events: joins, sends, payloads, handlers, and leaving."""
