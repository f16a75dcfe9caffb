"""What one sees and hears: scores, sound, albums, plots, files for each tune. Not what a tune is worth."""
