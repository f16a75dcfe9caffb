"""All that is known of ABC: tunes, header fields, keys, and the judges of one tune. Not how it is drawn or heard."""
