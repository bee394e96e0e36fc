"""The app around its pages: server, sign-in, session, addresses, the border where errors end."""
