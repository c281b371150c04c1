"""Pictures of a `ClusterState`: pure functions state → picture, and one small live frame around them (ipywidgets, base widgets only)."""

from shallowdive.views.view import View, show_still, view_of

__all__ = ["View", "show_still", "view_of"]
