# E14: children in sessions of their own
import subprocess
import sys

for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
