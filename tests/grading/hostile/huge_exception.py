# an error of a hundred megabytes
raise RuntimeError("x" * (100 << 20))
