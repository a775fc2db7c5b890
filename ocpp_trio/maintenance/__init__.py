"""Work on the database beside the server, synchronous: copies, checks, reports."""
