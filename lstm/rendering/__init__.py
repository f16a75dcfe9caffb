"""What one sees and hears: an instrument, the engraver, the album."""
