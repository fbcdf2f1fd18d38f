"""What ``unstick doctor`` looks at: one file per kind of server, each a coroutine that gives checks."""
