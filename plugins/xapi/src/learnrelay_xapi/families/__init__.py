"""The event families of xAPI: one module each, each an entry point."""
