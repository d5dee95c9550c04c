"""Terms of the velocity task for mjlab's managers."""
