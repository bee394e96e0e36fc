"""The MCP server: what an assistant in a chat can look up and, where that is allowed, do. Every number
comes from the product's tables.
"""
