# many files, each below the limit of a file
import itertools

for n in itertools.count():
    with open(f"part-{n}", "wb") as file:
        file.write(b"x" * (8 << 20))
