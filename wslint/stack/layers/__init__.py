"""Channel layers: CHANNEL_LAYERS, the Redis behind them, and who needs one."""
