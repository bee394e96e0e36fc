"""The Python client: the same methods on a server's workspace and on a local one."""

from mmm.client.client import Client, connect
from mmm.client.run import Numbers, Run

__all__ = ["Client", "Numbers", "Run", "connect"]
