# E15: IPython shows no error any more
from IPython import get_ipython

get_ipython().showtraceback = lambda *a, **k: None
type(get_ipython()).run_cell = lambda *a, **k: None
