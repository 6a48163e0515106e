"""Whose speech it is: layouts, manifests and trial lists of corpora. Looks at names and tables, never at samples."""
