"""Wrong and unusual work of this lab."""
