"""What prepare.py does to the text of the two books, one module for each kind of mending. Not which tunes are kept."""
