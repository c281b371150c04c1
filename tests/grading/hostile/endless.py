# E01: a loop without an end, deaf to interrupts
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    pass
