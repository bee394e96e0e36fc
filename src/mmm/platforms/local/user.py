"""Who acts where nobody signs in: the owner of this process."""

from __future__ import annotations

import getpass

from mmm.access import Role, User


def local_user() -> User:
    """The process's owner, who may do everything: what lies on this machine is theirs anyway."""
    return User(current_user(), role=Role.ADMIN)


def current_user() -> str:
    """The operating system's name for the process's owner, for the history and the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
