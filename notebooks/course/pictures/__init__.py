"""The figures of the course, one module for each subject."""
