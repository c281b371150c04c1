# the report is a pipe on which nobody writes
import os

os.mkfifo("cells.xml")
