"""The operations of `mmm.services` over HTTP."""

#: Where they lie on a server.
PREFIX = "/api/v1"
