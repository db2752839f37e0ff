"""A board at the other end of a line: its address, its port, its protocol, a session with it."""
