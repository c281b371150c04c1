"""Pictures of a `ClusterState`: pure functions state → picture, and one small live frame around them (ipywidgets, base widgets only)."""

from shallowdive.views.pictures import Picture, picture_of
from shallowdive.views.said import Said
from shallowdive.views.view import View, show_still

__all__ = ["Picture", "Said", "View", "picture_of", "show_still"]
