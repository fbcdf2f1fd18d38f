"""The lab: real servers, real workers and a wire that can be broken, as child processes on loopback."""
