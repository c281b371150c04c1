# a folder that nobody may open
import os

os.mkdir("closed")
open("closed/x", "w").close()
os.chmod("closed", 0)
os.chmod(".", 0)
