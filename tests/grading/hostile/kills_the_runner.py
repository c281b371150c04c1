# the runner, which is its parent, is gone
import os
import signal

os.kill(os.getppid(), signal.SIGKILL)
