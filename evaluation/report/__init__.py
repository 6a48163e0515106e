"""An evaluation as one page to look at, and as pictures and numbers in files."""
