"""What one sees and hears: scores, sound, albums, plots, files for each tune; in `composer/` the page's JavaScript.
Not what a tune is worth."""
