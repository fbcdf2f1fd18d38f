"""Floor 1. The only files that import a driver; every driver error leaves here as a :class:`BackendError`."""
