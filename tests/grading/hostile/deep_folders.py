# folders so deep that removing them one by one ends in a RecursionError
import os

for _ in range(3_000):
    os.mkdir("d")
    os.chdir("d")
