#!/usr/bin/env bash
# Runs the libFuzzer programs of build/fuzz: ./dev fuzz --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=60
if [ "${1:-}" = --seconds ]; then seconds="${2:?--seconds needs a number}"; shift 2; fi
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for program in build/fuzz/tests/fuzz/*_fuzz; do
    name=$(basename "$program")
    targets+=("${name%_fuzz}")
  done
fi

failed=()
for target in "${targets[@]}"; do
  program="$PWD/build/fuzz/tests/fuzz/${target}_fuzz"
  [ -x "$program" ] || { echo "no fuzz target '$target'; see tests/fuzz/CMakeLists.txt" >&2; exit 2; }
  found="$PWD/out/fuzz/$target"
  mkdir -p "$found"
  corpora=("$found" "tests/fuzz/corpus/$target")
  [ "$target" = spec ] && corpora+=(tests/specs/good tests/specs/bad)
  if "$program" "${corpora[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=4096 \
    -print_final_stats=1 -artifact_prefix="$found/finding-" >"$found.log" 2>&1; then
    printf '%-14s %10s runs, no finding\n' "$target" "$(sed -n 's/stat::number_of_executed_units: *//p' "$found.log")"
  else
    failed+=("$target")
    printf '%-14s FINDING\n' "$target"
    grep -v '^#' "$found.log" | tail -40
    printf 'run it again: %s %s\n' "$program" "$(sed -n 's/.*Test unit written to //p' "$found.log")"
  fi
done
[ ${#failed[@]} = 0 ]
