# other kernels of this machine listen on ports, too
import socket

for port in range(30_000, 61_000, 7):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.05) as link:
            link.sendall(b"\x00" * 64)
    except OSError:
        pass
