# E03
x = bytearray(8 << 30)
