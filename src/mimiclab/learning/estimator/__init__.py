"""How fast the reference moves, guessed from its joints and its tilt (MOSAIC)."""
