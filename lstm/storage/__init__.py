"""What is on disk: files that are whole or not there, HDF5, the files of a run, which weights are meant."""
