#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One TCP stream through a rate limit, set while the guests run.
#
#   alpha (QEMU) ---- alpha.0 [ weftd: bridge lan ] beta.0 ---- beta (QEMU)
#                  rate in                      rate out
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

two_guests() {
	start_guests alpha beta <<-END
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24}
		guests:
		  alpha: {nics: [{bridge: lan, anti-spoof: on}]}
		  beta:  {nics: [{bridge: lan, anti-spoof: on}]}
	END
	in_guest beta weft-perf server -d >/dev/null || die "no weft-perf server in beta"
}

mbps() { # one stream from alpha to beta
	in_guest alpha weft-perf client "$(address beta)" TCP_STREAM -l 3s -w 500ms --json |
		jq .throughput
}

median() { for _ in 1 2 3; do mbps; done | sort -n | sed -n 2p; }

is_near() { # is_near RATE MBPS: within 5 percent
	less "$(awk "BEGIN {print $1 * 0.95}")" "$2" && less "$2" "$(awk "BEGIN {print $1 * 1.05}")"
}

# median_is_near RATE: of three streams. A machine that lacks the processors to send twice as much
# without a limit says nothing about limits.
median_is_near() {
	local got free
	got=$(median)
	is_near "$1" "$got" || got=$(median)
	results+=("$got")
	is_near "$1" "$got" && return
	weft set guest alpha "nics[0].rate=" >/dev/null
	weft set guest beta "nics[0].rate=" >/dev/null
	free=$(mbps)
	less "$free" "$((2 * $1))" && skip "the machine is too busy: $free Mb/s without a limit"
	die "$got Mb/s at a rate of $1, $free Mb/s without"
}

a_stream_keeps_to_the_rate_of_its_sender_and_of_its_receiver() {
	local rate results=()
	two_guests

	for rate in 50 200; do
		weft set guest alpha "nics[0].rate.in=${rate}Mbps" >/dev/null || die "cannot set the rate"
		median_is_near "$rate"
	done
	weft set guest alpha "nics[0].rate=" >/dev/null || die "cannot take the rate away"
	for rate in 50 200; do
		weft set guest beta "nics[0].rate.out=${rate}Mbps" >/dev/null || die "cannot set the rate"
		median_is_near "$rate"
	done

	expect "200000000" "$(json '.[0].policy.rate_out_bps' port/show beta.0)"
	expect "running" "$(guest alpha .state)"
	note "Mb/s in, in, out, out: ${results[*]}"
}

run_tests a_stream_keeps_to_the_rate_of_its_sender_and_of_its_receiver
