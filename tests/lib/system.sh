# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What system tests share. A script sources this, writes each test as a function named by its
# sentence, and calls `run_tests` with them. Every test has its own run-dir $RUN below a scratch
# directory, and whatever it starts is stopped and checked for remains, also after a failure.
set -u

BIN=${BIN:-build/release/bin}
SCRATCH=$(mktemp -d /tmp/weft-test.XXXXXX)
RUN=$SCRATCH/run
STARTED=() # pids of what the tests started

weft() { "$BIN/weft" -s "$RUN/weftd.sock" "$@"; }

# Fails the test in hand with a message: the test function runs in a subshell.
die() {
	echo "    $*" >&2
	exit 1
}

# Waits until the command succeeds: wait_for SECONDS COMMAND...
wait_for() {
	local deadline=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$deadline" ] || die "timed out waiting for: $*"
		sleep 0.05
	done
}

# Starts weftd with a config file or other arguments and waits until it answers.
start_weftd() {
	"$BIN/weftd" --run-dir "$RUN" "$@" >>"$SCRATCH/weftd.log" 2>&1 &
	WEFTD=$!
	echo "$WEFTD" >>"$SCRATCH/pids"
	wait_for 10 weft version
}

stop_weftd() {
	kill "$WEFTD" 2>/dev/null
	wait "$WEFTD" 2>/dev/null
}

# A config from standard input; prints its path.
config() {
	cat >"$SCRATCH/config.yaml"
	echo "$SCRATCH/config.yaml"
}

expect() { # expect WANT GOT
	[ "$1" = "$2" ] || die "expected '$1', got '$2'"
}

expect_match() { # expect_match PATTERN TEXT
	grep -qE -- "$1" <<<"$2" || die "expected a match of '$1' in: $2"
}

# --- running ----------------------------------------------------------------------------------

clean_up() {
	local pid
	if [ -f "$SCRATCH/pids" ]; then
		while read -r pid; do kill "$pid" 2>/dev/null; done <"$SCRATCH/pids"
		for _ in $(seq 100); do
			pgrep -f "$SCRATCH" >/dev/null || break
			sleep 0.1
		done
	fi
	pkill -KILL -f "$SCRATCH" 2>/dev/null
	rm -rf "$SCRATCH"
	mkdir -p "$SCRATCH"
}

# What a test left behind: processes with our paths in their command line.
remains() { pgrep -af "$SCRATCH" | grep -v pgrep; }

run_tests() {
	local t sentence status left
	trap 'clean_up; rm -rf "$SCRATCH"' EXIT
	for t in "$@"; do
		sentence=${t//_/ }
		("$t") 2>"$SCRATCH/why"
		status=$?
		case $status in
		0) echo "ok - $sentence" ;;
		77) echo "skip - $sentence: $(tail -n 1 "$SCRATCH/why")" ;;
		*)
			echo "not ok - $sentence"
			cat "$SCRATCH/why"
			tail -n 30 "$SCRATCH/weftd.log" 2>/dev/null | sed 's/^/    weftd: /'
			tail -n 5 "$RUN"/guests/*/console.log 2>/dev/null | sed 's/^/    console: /'
			FAILED=1
			;;
		esac
		clean_up
		left=$(remains)
		[ -z "$left" ] || { echo "not ok - $sentence leaves nothing behind"; echo "$left"; FAILED=1; }
	done
	exit "${FAILED:-0}"
}

skip() {
	echo "$*" >&2
	exit 77
}
