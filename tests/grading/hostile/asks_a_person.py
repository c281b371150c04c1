# E09: nobody answers in a batch
session.predict("after-delete", input("n? "))
