"""What makes it fast: how loops are compiled, where arrays live, sampling as one compiled loop."""
