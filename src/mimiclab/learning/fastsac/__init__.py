"""FastSAC: off-policy learning from thousands of environments; docs/fastsac.md has it on a page."""
