"""One file per page; `mmm.web.main` brings them together."""
