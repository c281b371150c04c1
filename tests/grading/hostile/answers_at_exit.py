# does its work when everything is over
import atexit

atexit.register(lambda: session.answer("owner", "ReplicaSet"))
