# no bytes, and a hundred thousand names
for n in range(100_000):
    open(f"empty-{n}", "w").close()
