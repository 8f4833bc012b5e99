"""What stands between the server and a consumer: wrappers, the scope, sessions, users."""
