#!/bin/sh
# Compiled kernels come with the image; their cache must be writable, which the image itself need not be.
set -eu
[ -d "$NUMBA_CACHE_DIR" ] || cp -R --preserve=timestamps /opt/mmm/numba "$NUMBA_CACHE_DIR"
exec "$@"
