#!/bin/sh
# Compiled kernels come with the image; their cache must be writable, which the image itself need not be.
set -eu
[ -d "$NUMBA_CACHE_DIR" ] || cp -R --preserve=timestamps /opt/mmm/numba "$NUMBA_CACHE_DIR"
# An empty list of features: those that the name stands for, and none of this machine alone.
NUMBA_CPU_NAME=${NUMBA_CPU_NAME:-$(mmm-cpu-name)} NUMBA_CPU_FEATURES=
export NUMBA_CPU_NAME NUMBA_CPU_FEATURES
exec "$@"
