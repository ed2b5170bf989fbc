#!/bin/sh
# Counts the release notes' words and leaves a report and values behind (see ../release.yaml).
set -eu
words=$(wc -w < notes.txt)
mkdir -p out
printf '# Notes of the release\n\n%s words, at commit %s\n' "$words" "$COMMIT" > out/report.md
printf '{"words": %s, "complete": %s}\n' "$words" "$([ "$words" -ge "$LEAST_WORDS" ] && echo true || echo false)" > out/values.json
echo "checked $words words"
