# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What system tests share. A script sources this, writes each test as a function named by its
# sentence, and ends with `run_tests` and their names. A test runs in a subshell; it ends well by
# returning, badly by `die`, and with `skip` where the machine lacks something.
#
# Each test finds an empty scratch directory, with the run-dir $RUN below it. Afterwards, also after
# a failure, everything is stopped: first what the test started (weftd stops its guests itself),
# then, by force, what outlived that; all within the 10 s that tests/run.sh grants at a time-out. A
# test that passed and left a process, or a file in $RUN, is reported. Processes are known by a mark
# in their environment, which no other process has, and are ended by pid.
#
#   BIN=DIR     the programs under test, build/release/bin unless given
#   ONLY=WORD   runs only the tests whose name contains it
set -u -o pipefail

BIN=$(realpath "${BIN:-build/release/bin}")
SCRATCH=$(mktemp -dt weft-test.XXXXXX)
RUN=$SCRATCH/run
export WEFT_TEST=$SCRATCH

# --- what tests say ---------------------------------------------------------------------------

die() {
	echo "    $*" >&2
	exit 1
}

skip() {
	echo "$*" >&2
	exit 77
}

# A measured value for the line that reports the test.
note() { echo "$*" >"$SCRATCH/note"; }

need() { # need PROGRAM...: skips the test where one is missing
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

expect() { # expect WANT GOT
	[ "$1" = "$2" ] || die "expected '$1', got '$2'"
}

expect_match() { # expect_match PATTERN TEXT
	grep -qE -- "$1" <<<"$2" || die "expected a match of '$1' in: $2"
}

# result_is STATUS PATTERN COMMAND...: both of what it prints and how it exits.
result_is() {
	local wanted=$1 pattern=$2 status=0 text
	shift 2
	text=$("$@" 2>&1) || status=$?
	[ "$status" = "$wanted" ] || die "exit $status instead of $wanted from: $* -> $text"
	expect_match "$pattern" "$text"
}

prints() { result_is 0 "$@"; }            # prints PATTERN COMMAND...
refuses() { result_is 2 "$@"; }           # the server answers with an error
less() { awk "BEGIN {exit !($1 < $2)}"; } # less A B: numbers with fractions

# Waits until the command succeeds: wait_for SECONDS COMMAND...
wait_for() {
	local deadline=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$deadline" ] || die "timed out waiting for: $*"
		sleep 0.02
	done
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# --- what tests do ----------------------------------------------------------------------------

weft() { "$BIN/weft" -s "$RUN/weftd.sock" "$@"; }

# json FILTER VERB...: what jq makes of the JSON of a verb.
json() {
	local filter=$1
	shift
	weft --json "$@" | jq -r "$filter"
}

# A config from standard input; prints its path.
config() {
	cat >"$SCRATCH/config.yaml"
	echo "$SCRATCH/config.yaml"
}

# start NAME COMMAND...: in the background, with its output in $SCRATCH/NAME.log and its pid in PID.
start() {
	local log=$SCRATCH/$1.log
	shift
	"$@" >>"$log" 2>&1 </dev/null &
	PID=$!
	echo "$PID" >>"$SCRATCH/pids"
}

# undo COMMAND...: at the end of the test, the last one first.
undo() { printf '%q ' "$@" | sed 's/$/\n/' >>"$SCRATCH/undo"; }

weftd_answers_or_ended() { weft version || ! kill -0 "$WEFTD"; }

# Starts weftd with a config file or other arguments and waits until it answers.
start_weftd() {
	start weftd "$BIN/weftd" --run-dir "$RUN" "$@"
	WEFTD=$PID
	wait_for "${START_S:-10}" weftd_answers_or_ended
	weft version >/dev/null 2>&1 || die "weftd did not start"
}

stop_weftd() { # returns its exit status
	kill "$WEFTD"
	wait "$WEFTD"
}

kill_weftd() {
	kill -9 "$WEFTD"
	wait "$WEFTD" 2>/dev/null
}

weftd_with_two_ports() {
	need jq
	start_weftd -c "$(
		config <<-END
			version: 1
			bridges:
			  lan: {address: 10.10.0.1/24}
			ports:
			  a: {bridge: lan}
			  b: {bridge: lan}
		END
	)"
}

port_is() { [ "$(json '.[0].state' port/show "$1")" = "$2" ]; } # port_is PORT up|down

cpu_ticks() { awk '{print $14 + $15}' "/proc/$WEFTD/stat"; }

# The part of a core that weftd uses in the next 5 seconds, in percent.
weftd_cpu_percent() {
	local before
	before=$(cpu_ticks)
	sleep 5
	awk -v t=$(($(cpu_ticks) - before)) -v hz="$(getconf CLK_TCK)" \
		'BEGIN {printf "%.1f", t / hz / 5 * 100}'
}

# --- cleaning up ------------------------------------------------------------------------------

# The pids of what a test started, directly or not.
ours() (
	unset WEFT_TEST
	grep -lzsx "WEFT_TEST=$SCRATCH" /proc/[0-9]*/environ | cut -d/ -f3
)

# Sends a signal to those of ours that are named on standard input.
signal_ours() {
	local pid
	while read -r pid; do
		grep -qzsx "WEFT_TEST=$SCRATCH" "/proc/$pid/environ" && kill "$1" "$pid"
	done 2>/dev/null
}

started() { comm -12 <(ours | sort) <(sort "$SCRATCH/pids" 2>/dev/null); }

wait_for_none() { # wait_for_none SECONDS COMMAND: until it prints nothing
	local deadline=$((SECONDS + $1))
	while [ -n "$($2)" ] && [ "$SECONDS" -lt "$deadline" ]; do
		sleep 0.05
	done
}

describe_ours() {
	local pid
	for pid in $(ours); do
		echo "    process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-120)"
	done
	find "$RUN" ! -type d -printf '    file %p\n' 2>/dev/null
}

# Prints what should not have been there any more.
clean_up() {
	local command
	if [ -s "$SCRATCH/pids" ]; then
		signal_ours -CONT <"$SCRATCH/pids"
		signal_ours -TERM <"$SCRATCH/pids"
	fi
	wait_for_none 7 started
	wait_for_none 1 ours
	describe_ours
	ours | signal_ours -KILL
	wait_for_none 5 ours
	if [ -f "$SCRATCH/undo" ]; then
		tac "$SCRATCH/undo" | while read -r command; do
			eval "$command" 2>&1 | sed 's/^/    /'
		done
	fi
	rm -rf "$SCRATCH"
	mkdir -p "$SCRATCH"
}

# --- guests that weftd boots ------------------------------------------------------------------

BOOT_S=90 # an emulated guest on a busy machine

guest() { json ".[] | select(.name == \"$1\") | $2" guest/list; } # guest NAME FIELD
guest_is() { [ "$(guest "$1" '"\(.state) \(.agent)"')" = "$2" ]; }
address() { guest "$1" '.nics[0].address | sub("/.*"; "")'; }
in_guest() { weft -t 60 guest/exec "$1" -- "${@:2}"; }

# start_guests NAME...: starts weftd with the config from standard input, waits until they have
# booted.
start_guests() {
	local name
	need jq qemu-system-x86_64
	config >/dev/null
	"$BIN/weft" check "$SCRATCH/config.yaml" >/dev/null 2>&1 ||
		skip "no guest image: run make guest-image"
	start_weftd -c "$SCRATCH/config.yaml"
	for name; do
		wait_for "$BOOT_S" guest_is "$name" "running ready"
	done
}

# --- running ----------------------------------------------------------------------------------

explain_failure() {
	echo "not ok - $1"
	cat "$SCRATCH/why"
	tail -n 20 "$SCRATCH/weftd.log" 2>/dev/null | sed 's/^/    weftd: /'
	tail -n 5 "$RUN"/guests/*/console.log 2>/dev/null | sed 's/^/    console: /'
	FAILED=1
}

run_test() {
	local sentence=${1//_/ } status=0 left
	("$1") 2>"$SCRATCH/why" || status=$?
	case $status in
	0) echo "ok - $sentence$(sed 's/.*/ (&)/' "$SCRATCH/note" 2>/dev/null)" ;;
	77) echo "skip - $sentence: $(tail -n 1 "$SCRATCH/why")" ;;
	*) explain_failure "$sentence" ;;
	esac
	left=$(clean_up)
	if [ "$status" = 0 ] && [ -n "$left" ]; then
		printf 'not ok - %s leaves nothing behind\n%s\n' "$sentence" "$left"
		FAILED=1
	fi
}

run_tests() {
	local name
	trap 'trap "" INT TERM HUP; clean_up >/dev/null; rm -rf "$SCRATCH"' EXIT
	for name in "$@"; do
		[[ $name != *${ONLY:-}* ]] || run_test "$name"
	done
	return "${FAILED:-0}"
}
