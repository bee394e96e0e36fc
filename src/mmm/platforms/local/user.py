"""Who acts where nobody signs in: the owner of this process."""

from __future__ import annotations

import getpass

from mmm.access import Role, User


def local_user() -> User:
    """The process's owner, by the operating system's name for them. They are an admin: all of this
    is theirs anyway.
    """
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "unknown"
    return User(name, role=Role.ADMIN)
