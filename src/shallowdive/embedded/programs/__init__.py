"""What runs in the containers: the course's few programs as Python coroutines, driven by the cluster's clock.

A program is a generator function that takes its `Process`, yields a `Wait` where a real one would block, and returns its exit code.
Nothing here is a real process and no packet leaves the cluster; what is not written here does not exist (`not found`)."""
