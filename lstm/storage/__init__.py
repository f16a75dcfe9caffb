"""What is kept of a training: weights files and the files of a run, begun or resumed. Not how files are made safe."""
