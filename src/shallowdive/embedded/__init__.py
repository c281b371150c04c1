"""A Kubernetes whose spine you can read in an afternoon: an API server, its store, controllers, a scheduler and kubelets, in memory.

It answers HTTP where a real API server would, so labs, the official client and kubectl run unchanged.
It is not the real thing, and says so: `differences` lists every deliberate difference.
Read in this order: `request`, `store`, `registry`, `loop`, `controllers/deployment`, `scheduler`, `kubelet`."""
