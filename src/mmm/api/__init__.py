"""The operations of `mmm.services` over HTTP."""
