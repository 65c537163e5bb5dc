"""The event families of Caliper: one module each, each an entry point."""
