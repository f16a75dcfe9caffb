"""What makes it fast and knows no model: compilation, register tile, threads, kept memory, barrier. Not the kernels."""
