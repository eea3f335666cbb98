#!/bin/sh
# Cross-compiles the engine for 64-bit Arm (NEON) with Debian's compiler and runs its self test under qemu-user.
# Needs the packages g++-aarch64-linux-gnu and qemu-user. Usage: native/tests/arm.sh [build directory]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/arm}

for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null || {
    echo "arm.sh: $tool is missing; install the Debian packages g++-aarch64-linux-gnu and qemu-user" >&2
    exit 1
  }
done
cmake -S "$root" -B "$build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
  -DGATEWISE_MODULE=OFF -DGATEWISE_SELFTEST=ON -DGATEWISE_WERROR=ON
cmake --build "$build" --parallel "$(nproc 2>/dev/null || echo 2)"
qemu-aarch64 "$build/gatewise_selftest" 40
qemu-aarch64 "$build/gatewise_stream_selftest" 4
