"""Django's settings as each server and worker sees them."""
