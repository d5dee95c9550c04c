"""Actors and critics, one file each; `cfg` names them, `build` makes them."""
