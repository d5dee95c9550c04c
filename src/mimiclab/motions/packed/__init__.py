"""Motion libraries on disk: rows of clips, their index, shards; no torch."""
