# the report leads to a file that is not its own
import os

for name in ("cells.xml", "output.txt", "pytest.ini"):
    try:
        os.remove(name)
    except OSError:
        pass
    os.symlink("/etc/passwd", name)
