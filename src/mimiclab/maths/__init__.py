"""Pure functions on NumPy arrays and torch tensors alike, so that training and deployment agree."""
