#!/bin/sh
# Builds the engine without Python under AddressSanitizer and UndefinedBehaviorSanitizer, then, apart, under
# ThreadSanitizer, and runs its self tests for every instruction set of this machine. CI runs it: some three minutes on
# two cores. Usage: native/tests/sanitize.sh [build directory]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/sanitize}
cores=$(nproc 2>/dev/null || echo 2)
export UBSAN_OPTIONS=print_stacktrace=1

# check NAME FLAGS CASES MODELS. Sanitizers need no optimised code: -O1 builds in half the time.
check() {
  log="$build/$1.log"
  mkdir -p "$build"
  if ! { cmake -S "$root" -B "$build/$1" -DCMAKE_BUILD_TYPE=None -DGATEWISE_OPTIMIZE=-O1 \
      -DCMAKE_CXX_FLAGS="$2 -g1 -fno-omit-frame-pointer" -DGATEWISE_MODULE=OFF -DGATEWISE_SELFTEST=ON -DGATEWISE_WERROR=ON &&
      cmake --build "$build/$1" --parallel "$cores"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "sanitize.sh: the build with $2 failed; its log is above and in $log" >&2
    exit 1
  fi
  echo "== $1: $2"
  "$build/$1/gatewise_selftest" "$3"
  "$build/$1/gatewise_stream_selftest" "$4"
}

check memory "-fsanitize=address,undefined -fno-sanitize-recover=all" 100 20
check threads "-fsanitize=thread" 30 5
