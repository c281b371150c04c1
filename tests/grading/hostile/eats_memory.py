# E02: a loop that eats memory, and says afterwards that all went well
x = []
while True:
    x.append(bytearray(1 << 20))
