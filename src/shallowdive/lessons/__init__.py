"""What a lab notebook imports: the session, and `APPLY`, the three arguments that turn a client's patch into server-side apply."""

from shallowdive.lessons.session import APPLY, Session, lesson

__all__ = ["APPLY", "Session", "lesson"]
