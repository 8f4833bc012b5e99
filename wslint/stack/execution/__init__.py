"""Where and when code runs: threads, processes, requests, imports."""
