"""What is kept of a training: weights files, also for other programs, and its runs. Not how files are made safe."""
