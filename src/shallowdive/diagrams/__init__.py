"""From facts about Kubernetes objects to DOT, from DOT to SVG."""
