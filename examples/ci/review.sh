#!/bin/sh
# Checks a package, and writes what a change to it means as Markdown.
#   review.sh PACKAGE BASE REPORT
# Exit codes: 0 nothing changes, or all of it is approved; 4 narrowed; 5 widened; others: something is wrong.
set -eu
package=$1 base=$2 report=$3
envelope="$(dirname "$0")/envelope.weir"

weir fmt --check "$package"
weir check "$package"
weir audit --package "$package" --exceptions 14 || echo "some permissions end within 14 days, or have ended" >&2

set -- "git:$base" "$package" --format markdown
if [ -f "$envelope" ]; then set -- "$@" --allow "$envelope"; fi
code=0
weir diff "$@" >"$report" || code=$?
exit "$code"
