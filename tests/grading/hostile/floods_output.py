# E16
for i in range(300_000):
    print("all criteria met ✓" * 20)
