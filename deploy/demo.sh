#!/usr/bin/env bash
# The main job, end to end, on this machine: `./dev demo` builds and then runs this. Everything it makes is in out/demo;
# everything it starts is stopped again, also on Ctrl-C or an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly bin=out/bin data=out/demo
readonly luthier="$bin/luthier"
up_pid=""

say() { printf '\n\033[1m▸ %s\033[0m\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# Ends `luthier up`, which ends the controller and the agents; then looks for anything that is left.
stop_everything() {
  local status=$?
  trap - EXIT
  if [ -n "$up_pid" ] && kill -0 "$up_pid" 2>/dev/null; then
    kill -TERM "$up_pid"
    wait "$up_pid" || true
  fi
  local left
  left=$(processes_of_demo)
  if [ -n "$left" ]; then
    printf 'demo: processes left behind:\n%s\n' "$left" >&2
    # shellcheck disable=SC2046
    kill -KILL $(printf '%s\n' "$left" | cut -d' ' -f1) 2>/dev/null || true
    [ "$status" = 0 ] && status=1
  fi
  exit "$status"
}

# "PID COMMAND" of every process that carries our data folder in its command line or environment.
processes_of_demo() {
  local folder pid
  folder="$PWD/$data"
  for pid in /proc/[0-9]*; do
    pid="${pid#/proc/}"
    [ "$pid" = $$ ] && continue
    # A process may end between the listing and the look: then there is nothing to see.
    if { tr '\0' '\n' <"/proc/$pid/environ" | grep -q -F "LUTHIER_JOB=$folder"; } 2>/dev/null ||
       { tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -F "$folder"; } 2>/dev/null; then
      printf '%s %s\n' "$pid" "$( { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null)"
    fi
  done
  return 0
}

# field JSON_PATH… reads one value out of JSON on stdin.
field() { python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = next(s for s in value if s["id"] == key) if isinstance(value, list) else value[key]
print(value if isinstance(value, str) else json.dumps(value))' "$@"; }

trap stop_everything EXIT
trap 'exit 130' INT TERM

rm -rf "$data"
mkdir -p "$data"
export LUTHIER_DATA="$PWD/$data"

say "luthier up --agents 2   (a controller and two agents, as processes of their own)"
"$luthier" up --data "$PWD/$data" --http-port 0 --grpc-port 0 --agents 2 >"$data/up.log" 2>&1 &
up_pid=$!
for _ in $(seq 300); do
  [ -e "$data/url" ] && break
  kill -0 "$up_pid" 2>/dev/null || { cat "$data/up.log" >&2; fail "luthier up ended while starting"; }
  sleep 0.1
done
[ -e "$data/url" ] || { cat "$data/up.log" >&2; fail "luthier up was not ready within 30 s"; }
grep -E 'http' "$data/up.log" | head -3
"$luthier" agents

say "luthier run pipelines/examples/pretrain-tiny.yaml   (a base model, from nothing)"
"$luthier" run pipelines/examples/pretrain-tiny.yaml

say "luthier run pipelines/examples/quickstart.yaml   (prepare → upload → train → checkpoint → eval → promote)"
"$luthier" run pipelines/examples/quickstart.yaml

run=$("$luthier" runs -o json | field runs | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["id"])')
outputs=$("$luthier" status "$run" -o json | field steps eval outputs)
base=$(printf '%s' "$outputs" | field base_metrics label_accuracy)
tuned=$(printf '%s' "$outputs" | field metrics label_accuracy)
examples=$(printf '%s' "$outputs" | field metrics examples)
say "Label accuracy on $examples held-out sentences"
printf '  base  %s\n  tuned %s\n' "$base" "$tuned"
python3 - "$base" "$tuned" <<'PYTHON' || fail "the tuned model must reach 0.95 and the base stay at or below 0.6"
import sys
base, tuned = map(float, sys.argv[1:])
sys.exit(0 if tuned >= 0.95 and base <= 0.6 else 1)
PYTHON

say "luthier models"
"$luthier" models list

question="The goalie stopped thirty shots on the ice"
say "luthier chat sports@production \"$question\""
answer=$("$luthier" chat sports@production "$question")
printf '%s\n' "$answer"
[ "$(printf '%s' "$answer" | tr -d '[:space:]')" = hockey ] || fail "expected the answer 'hockey'"

say "Where to look next"
printf '  %-40s %s\n' \
  "$luthier up --data $data" "starts it again on what is there now; then, in another terminal:" \
  "$luthier --data $data status $run" "each step of the run above" \
  pipelines/examples/quickstart.yaml "its pipeline; docs/pipelines.md explains every key" \
  docs/one_run.md "what happened inside"
say "stopping everything"
