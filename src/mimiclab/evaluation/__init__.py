"""One protocol and one function per metric."""
