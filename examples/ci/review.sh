#!/bin/sh
# Checks a package, and writes what a change to it means as Markdown.
#   review.sh PACKAGE BASE REPORT [TARGET]
# BASE is the revision to compare with; TARGET is what the change is to be merged into, whose envelope approves: BASE, if
# not given. ENVELOPE is the envelope's path from the repository's root (ci/envelope.weir).
# A change does not judge itself: its own edition of the envelope approves nothing, and to edit what judges is a widening.
# Exit codes: 0 nothing changes, or all of it is approved; 4 narrowed; 5 widened; others: something is wrong.
set -eu
package=$1 base=$2 report=$3 target=${4:-$2}
envelope=${ENVELOPE:-ci/envelope.weir}

rm -f "$report" # the change may have brought one
log=$(mktemp "${TMPDIR:-/tmp}/weir.XXXXXX")
trap 'rm -f "$log"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Ends with a report that shows what was said.
refuse() {
    cat "$log" >&2
    { printf '## ❌ Policy: %s\n\n' "$2" && head -n 200 "$log" | sed 's/^/    /'; } >"$report"
    exit "$1"
}

for revision in "$base" "$target"; do
    git rev-parse --quiet --verify --end-of-options "$revision^{commit}" >/dev/null && continue
    echo "there is no revision $revision: fetch it" >"$log"
    refuse 1 "cannot be compared"
done

weir -q fmt --check "$package" >"$log" 2>&1 || refuse $? "not formatted"
weir -q check "$package" >"$log" 2>&1 || refuse $? "wrong"
cat "$log" >&2
weir audit --package "$package" --exceptions 14 || echo "some permissions end within 14 days, or have ended" >&2

# What the change edits of what judges it: what differs from both revisions.
edited=
for judge in "$envelope" ci/review.sh .github/workflows/policy.yml .gitlab-ci.yml \
    CODEOWNERS .github/CODEOWNERS .gitlab/CODEOWNERS docs/CODEOWNERS; do
    same=no
    for revision in "$base" "$target"; do
        if git diff --no-ext-diff --quiet "$revision" -- ":(top,literal)$judge"; then same=yes; fi
    done
    [ "$same" = yes ] || edited="$edited \`$judge\`"
done
if [ -n "$edited" ]; then
    echo "the change edits what judges it:$edited" >&2
    {
        printf '> **⚠️ This change edits what judges it:**%s.\n' "$edited"
        printf '> What follows was judged by the edition in the target. Whoever owns these files has to approve them.\n\n'
    } >"$report"
fi

folder=$(cd "$package" && git rev-parse --show-prefix)
if ! git cat-file -e "$base:${folder}weir.toml" 2>/dev/null; then
    printf '## ⚠️ Policy: a new package\n\nNothing is there to compare it with: all that it permits is new.\n' >>"$report"
    exit 5
fi

set -- "git:$base" "$package" --format markdown
if git cat-file -e "$target:$envelope" 2>/dev/null; then set -- "$@" --allow "git:$target:$envelope"; fi
code=0
weir diff "$@" >>"$report" 2>"$log" || code=$?
case $code in
0 | 4) [ -z "$edited" ] || code=5 ;;
5) ;;
*) refuse "$code" "cannot be compared" ;;
esac
cat "$log" >&2
exit "$code"
