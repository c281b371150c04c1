# ends the kernel in the middle of a word
import ctypes

ctypes.string_at(0)
