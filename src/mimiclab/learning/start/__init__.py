"""What a training begins with besides its motions: frozen networks, earlier runs, their files."""
