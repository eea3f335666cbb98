#!/bin/sh
# Builds the engine without Python under AddressSanitizer and UndefinedBehaviorSanitizer (then, apart, ThreadSanitizer) and
# runs its self test for every instruction set of this machine. Usage: native/tests/sanitize.sh [build directory]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/sanitize}

check() {
  name=$1
  flags=$2
  cases=$3
  cmake -S "$root" -B "$build/$name" -DCMAKE_BUILD_TYPE=None -DGATEWISE_OPTIMIZE=-O1 -DCMAKE_CXX_FLAGS="$flags -g1 -fno-omit-frame-pointer" \
    -DGATEWISE_MODULE=OFF -DGATEWISE_SELFTEST=ON -DGATEWISE_WERROR=ON >"$build-$name.log"
  cmake --build "$build/$name" --parallel 2 >>"$build-$name.log" || { cat "$build-$name.log"; exit 1; }
  "$build/$name/gatewise_selftest" "$cases"
  "$build/$name/gatewise_stream_selftest" "$((cases / 5))"
}

mkdir -p "$(dirname "$build")"
check memory "-fsanitize=address,undefined -fno-sanitize-recover=all" 100
check threads "-fsanitize=thread" 10
