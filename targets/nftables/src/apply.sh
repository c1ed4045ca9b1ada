#!/bin/sh
#
#   ./apply [--timeout SECONDS]  load, switch, wait for a confirmation (60 s), else put the old generation back
#   ./apply --yes                load and switch without waiting
#   ./apply confirm              keep what waits; run it from a new login, which proves that one still works
#   ./apply rollback             do not wait any longer, put the old generation back
#   ./apply status               which generation is in force
set -eu

generation=@generation@
# Our tables, by family: `inet`, and `bridge` where the gateway has bridges.
families='@families@'
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# Whether a proxy of the gateway takes connections to others: the one base chain that comes and goes.
steers=$(awk '/^\tchain steer \{$/ { print "yes" }' "$here/base.nft")
run=${WEIR_RUN_DIR:-/run/weir}/@gateway@
timeout=60

# The terminal may be gone, and losing it must not stop a rollback.
say() { echo "weir: $*" 2>/dev/null || :; }
die() { say "$*"; exit 1; }

# Our tables without elements. `list ruleset` is the one form that does not fetch them first, which takes seconds.
tables() { nft -s -t list ruleset | awk '/^table (inet|bridge) weir \{$/ { inside = 1 } inside { print } /^\}$/ { inside = 0 }'; }

# Their objects, `family kind name` a line.
objects() { tables | awk '/^table / { family = $2 } /^\t(chain|map|set|counter) [^ ]+ \{$/ { print family, $1, $2 }'; }

# The generation that the base chains point to; `whole` is what `nft -f @gateway@.nft` loaded.
in_force() {
	tables | awk '
		/^table / { inet = ($2 == "inet") }
		/^\tchain / { base = (inet && $2 == "antispoof") }
		!base || found { next }
		match($0, /goto spoofed\/g[0-9a-f]+/) { print substr($0, RSTART + 14, 8); found = 1; next }
		/goto spoofed/ { print "whole"; found = 1 }
		END { if (!found) print "none" }'
}

# Commands that put back what is in force now.
snapshot() {
	tables | awk -v families="$families" -v steers="$steers" '
		/^table / { family = $2 }
		/^\tchain steer \{$/ { steered = 1 }
		/^\tchain (antispoof|forward|bridged|input|output|steer) \{$/ {
			flush[family] = flush[family] "flush chain " family " weir " $2 "\n"
			base = 1
		}
		base { chains[family] = chains[family] $0 "\n" }
		/^\t\}$/ { base = 0 }
		END {
			# What this generation makes and was not there before goes; what was there is put back.
			split(families, ours, " ")
			for (i in ours) if (!(ours[i] in chains)) print "delete table " ours[i] " weir"
			for (family in chains)
				printf "%stable %s weir {\n%s}\n", flush[family], family, chains[family]
			if (steers && !steered && ("inet" in chains)) print "flush chain inet weir steer"
		}'
}

# Base chains of the generation before that this one does not have take nothing any more.
idle() {
	[ -n "$steers" ] || objects | awk '$0 == "inet chain steer" { print "flush chain inet weir steer" }'
}

# Removes every generation but this one, and counters that nothing in it names.
sweep() {
	{
		awk '/^table / { family = $2 } /^\tcounter [^ ]+ \{$/ { print "keep", family, $2 }' "$here/stage.nft"
		objects
	} | awk -v ours="/g$generation" -v families="$families" -v steers="$steers" '
		BEGIN { split(families, list, " "); for (i in list) wanted[list[i]] }
		$1 == "keep" { keep[$2, $3]; next }
		!($1 in wanted) { gone[$1]; next }
		$2 == "chain" && $3 ~ /^(antispoof|forward|input|output)$/ { next }
		$2 == "chain" && $3 == "bridged" && ("bridge" in wanted) { next }
		$2 == "chain" && $3 == "steer" && steers { next }
		length($3) > length(ours) && substr($3, length($3) - length(ours) + 1) == ours { next }
		$2 == "chain" { print "flush chain " $1 " weir " $3; last = last "delete chain " $1 " weir " $3 "\n"; next }
		$2 == "counter" { if (!(($1, $3) in keep)) last = last "delete counter " $1 " weir " $3 "\n"; next }
		{ first = first "delete " $2 " " $1 " weir " $3 "\n" }
		END {
			printf "%s%s", first, last
			for (family in gone) print "delete table " family " weir"
		}' >"$run/sweep.nft"
	nft -f "$run/sweep.nft"
}

put_back() {
	trap '' INT TERM
	if nft -f "$run/rollback.nft"; then
		say 'the generation before is in force again'
		nft -f "$here/sweep.nft" 2>/dev/null || :
	else
		say "ROLLBACK FAILED, generation $generation is in force; see $run/rollback.nft"
	fi
	exit 1
}

wait=yes
case "${1-}" in
'') ;;
--yes) wait=no ;;
--timeout)
	timeout=${2-}
	case $timeout in '' | *[!0-9]*) die 'usage: apply --timeout SECONDS' ;; esac
	;;
confirm | rollback)
	[ -f "$run/waiting" ] && [ "$(cat "$run/waiting")" = "$generation" ] || die "generation $generation waits for nothing"
	echo "$generation" >"$run/$1"
	exit 0
	;;
status)
	current=$(in_force)
	if [ "$current" = "$generation" ]; then
		say "generation $generation is in force"
	else
		say "generation $generation is not in force (in force: $current)"
		exit 1
	fi
	exit 0
	;;
*) die 'usage: apply [--yes | --timeout SECONDS | confirm | rollback | status]' ;;
esac

umask 077
mkdir -p "$run"
exec 9>"$run/lock"
flock -n 9 || die 'another apply is at work'
rm -f "$run/waiting" "$run/confirm" "$run/rollback"

if [ "$(in_force)" = "$generation" ]; then
	say "generation $generation is in force already"
	exit 0
fi
# Without it no IP passes the bridges: the inet table decides on it, and never sees it.
case " $families " in *' bridge '*)
	for switch in bridge-nf-call-iptables bridge-nf-call-ip6tables; do
		[ "$(cat /proc/sys/net/bridge/$switch 2>/dev/null)" = 1 ] ||
			die "net.bridge.$switch is not 1: modprobe br_netfilter; sysctl net.bridge.$switch=1"
	done
	;;
esac
# Without a view of what is in force there is no way back.
nft -s -t list ruleset >/dev/null || die 'cannot list the ruleset'
# A dry run of everything first: a failure from here on changes nothing.
cat "$here/base.nft" "$here/stage.nft" "$here/switch.nft" | nft -c -f -
snapshot >"$run/rollback.nft"
nft -f "$here/stage.nft"
trap '' HUP PIPE
trap put_back INT TERM
# One transaction; the base chains are made by it if this is the first time.
{ cat "$here/base.nft"; idle; cat "$here/switch.nft"; } | nft -f - || put_back
say "generation $generation is in force"

if [ "$wait" = yes ]; then
	echo "$generation" >"$run/waiting"
	say "run '$here/apply confirm' from a new login within $timeout s, or it is taken back"
	waited=0
	until [ -f "$run/confirm" ]; do
		if [ -f "$run/rollback" ] || [ "$waited" -ge "$timeout" ]; then
			rm -f "$run/waiting"
			put_back
		fi
		sleep 1 9>&-
		waited=$((waited + 1))
	done
	rm -f "$run/waiting"
fi
trap '' INT TERM
sweep
say "generation $generation is confirmed, older ones are gone"
