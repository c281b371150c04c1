# everything in its group, with one signal
import os
import signal

os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
