# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Machines made of network namespaces, for system tests; sourced behind tests/lib/system.sh. A
# machine has a short name; its namespace is named after the test's process, so that tests beside
# each other do not meet.

netns() { echo "weft-$$-$1"; } # netns MACHINE: the name of its namespace

# machine NAME...: makes machines, which go with the test.
machine() {
	local name
	for name; do
		ip netns add "$(netns "$name")" 2>/dev/null ||
			skip "no network namespaces here: run as root"
		undo ip netns del "$(netns "$name")"
		ip -n "$(netns "$name")" link set lo up
	done
}

# on MACHINE COMMAND...: the command there. A process that is started keeps its pid.
on() {
	local name=$1
	shift
	nsenter --net=/run/netns/"$(netns "$name")" -- "$@"
}

# ip_on MACHINE ARGUMENTS...
ip_on() {
	local name=$1
	shift
	ip -n "$(netns "$name")" "$@"
}

# cable A INTERFACE B INTERFACE: a veth pair between two machines, both ends up.
cable() {
	ip_on "$1" link add "$2" type veth peer name "$4" netns "$(netns "$3")"
	ip_on "$1" link set "$2" up
	ip_on "$3" link set "$4" up
}

# As start and start_weftd, on a machine.
start_on() { # start_on MACHINE NAME COMMAND...
	local machine=$1 name=$2
	shift 2
	start "$name" nsenter --net=/run/netns/"$(netns "$machine")" -- "$@"
}

start_weftd_on() { # start_weftd_on MACHINE OPTIONS...
	local machine=$1
	shift
	start_on "$machine" weftd "$BIN/weftd" --run-dir "$RUN" "$@"
	# shellcheck disable=SC2034 # read in system.sh
	WEFTD=$PID
	wait_for 10 weftd_answers_or_ended
	weft version >/dev/null 2>&1 || die "weftd did not start"
}

# give_tap INTERFACE FROM TO ADDRESS...: moves weftd's tap to a machine that so becomes a guest.
give_tap() {
	local interface=$1 from=$2 to=$3 address
	shift 3
	ip_on "$from" link set "$interface" netns "$(netns "$to")"
	for address; do
		ip_on "$to" addr add "$address" dev "$interface"
	done
	ip_on "$to" link set "$interface" up
}

pings() { # pings MACHINE ADDRESS
	on "$1" busybox ping -c 1 -W 1 "$2" >/dev/null 2>&1
}

listens() { # listens MACHINE TCP-PORT
	on "$1" cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		grep -qi "$(printf ':%04X [0-9A-F]*:0000 0A' "$2")"
}

# receive MACHINE TCP-PORT FILE: what the first client sends, in the background.
receive() {
	# shellcheck disable=SC2016 # expanded by the shell that is started
	start_on "$1" "receive$2" busybox nc -l -p "$2" -e sh -c 'cat >"$0"' "$3"
	wait_for 5 listens "$1" "$2"
}

send_to() { # send_to MACHINE ADDRESS TCP-PORT FILE
	on "$1" timeout 30 busybox nc "$2" "$3" -e cat "$4"
}
