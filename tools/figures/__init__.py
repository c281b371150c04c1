"""Sources of the book's figures, drawn by tools/make_figures.py."""
