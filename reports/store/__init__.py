"""Reading a tracking store, by SQL or from a server."""
