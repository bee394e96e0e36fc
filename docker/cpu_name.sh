#!/bin/sh
# Which of the image's compiled kernels this machine can run: x86-64-v3 (AVX2 and what came with it), else generic.
#   cpu_name.sh [CPUINFO]
set -eu
flags=" $(sed -n 's/^flags[^:]*: //p;/^flags/q' "${1:-/proc/cpuinfo}") "
for flag in abm avx2 bmi1 bmi2 f16c fma movbe; do
  case "$flags" in
    *" $flag "*) ;;
    *)
      echo generic
      exit 0
      ;;
  esac
done
echo x86-64-v3
