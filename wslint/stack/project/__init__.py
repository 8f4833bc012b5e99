"""The project around the code: its packages, servers, front ends, environment."""
