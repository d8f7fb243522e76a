#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A config file is written and checked. No weftd runs.
#
#   file ---- weft check ---- weftd --check ----> errors with their places, or "ok"
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

check() { "$BIN/weft" check "$@"; }

# wrong LINE:COLUMN MESSAGE HELP: the config on standard input has this error and no other.
wrong() {
	local file status=0 text
	file=$(config)
	text=$(check "$file" 2>&1) || status=$?
	expect 1 "$status"
	expect 1 "$(grep -c ': error: ' <<<"$text")"
	expect "$file:$1: error: $2" "$(grep ': error: ' <<<"$text")"
	expect "help: $3" "$(grep '^help: ' <<<"$text")"
}

a_good_file_is_ok() {
	local file
	file=$(
		config <<-END
			version: 1
			bridges:
			  lan: {address: 10.10.0.1/24}
			ports:
			  vm7: {bridge: lan}
		END
	)

	prints "^$file: ok: 1 bridges, 1 ports, 0 guests$" check "$file"
	prints '^\[\]$' check --json "$file"
}

an_unknown_key_gets_a_suggestion() {
	wrong 3:9 "bridges.lan.ageng: unknown key" "did you mean 'ageing'?" <<-END
		version: 1
		bridges:
		  lan: {ageng: 5m}
	END
}

a_wrong_type_says_what_was_expected() {
	wrong 2:19 "switch.workers: expected a number from 1 to 16 or auto, found 'many'" \
		"for example: workers: 2" <<-END
			version: 1
			switch: {workers: many}
		END
}

two_nics_with_one_mac_are_refused() {
	wrong 6:36 "guests.beta.nics[0].mac: 52:54:00:00:00:01 is used already by\
 guests.alpha.nics[0].mac (line 5)" \
		"give each NIC a MAC address of its own, or none for a derived one" <<-END
			version: 1
			bridges:
			  lan: {}
			guests:
			  alpha: {nics: [{bridge: lan, mac: 52:54:00:00:00:01}]}
			  beta: {nics: [{bridge: lan, mac: 52:54:00:00:00:01}]}
		END
}

overlapping_subnets_are_refused() {
	wrong 4:18 "bridges.wan.address: 10.10.0.129/25 overlaps with 10.10.0.1/24 of bridge lan\
 (line 3)" \
		"give each bridge a subnet of its own" <<-END
			version: 1
			bridges:
			  lan: {address: 10.10.0.1/24}
			  wan: {address: 10.10.0.129/25}
		END
}

a_kernel_file_must_exist() {
	wrong 3:27 "guests.alpha.image.kernel: /no/such/vmlinuz: No such file or directory" \
		"check the path and its permissions" <<-END
			version: 1
			guests:
			  alpha: {image: {kernel: /no/such/vmlinuz}}
		END
}

a_key_may_stand_only_once() {
	wrong 4:3 "bridges.lan: is there already (line 3)" \
		"merge the two, or delete one of them" <<-END
			version: 1
			bridges:
			  lan: {}
			  lan: {ageing: 5m}
		END
}

broken_yaml_says_where() {
	wrong 3:1 "YAML syntax: did not find expected node content" \
		"check the punctuation and the indentation here and on the line above" <<-END
			version: 1
			bridges: [
		END
}

several_mistakes() {
	config <<-END
		version: 1
		bridges:
		  lan: {ageng: 5m, address: 10.10.0.1/33}
		ports:
		  p: {bridge: lam}
		guests:
		  alpha: {vcpus: many, memory: 512X, nics: [{bridge: lan, mtu: 7}]}
	END
}

all_errors_are_told_in_one_run() {
	local text
	text=$(check "$(several_mistakes)" 2>&1)

	expect "3:9 3:29 5:15 7:18 7:32 7:64" \
		"$(sed -n 's/.*config.yaml:\([0-9:]*\): error: .*/\1/p' <<<"$text" | paste -sd' ')"
	expect 6 "$(grep -c '^help: ' <<<"$text")"
}

the_caret_stands_below_the_mistake() {
	local text
	text=$(check "$(several_mistakes)" 2>&1)

	expect "  p: {bridge: lam}" "$(grep -A 1 ':5:15: ' <<<"$text" | tail -n 1)"
	expect "              ^" "$(grep -A 2 ':5:15: ' <<<"$text" | tail -n 1)"
}

errors_come_as_json_too() {
	local file errors status=0
	need jq
	file=$(several_mistakes)

	errors=$("$BIN/weftd" --check "$file" --json) || status=$?

	expect 1 "$status"
	expect "6" "$(jq length <<<"$errors")"
	expect "$file 3 9 error" \
		"$(jq -r '.[0] | "\(.file) \(.line) \(.column) \(.severity)"' <<<"$errors")"
	expect "bridges.lan.ageng: unknown key" "$(jq -r '.[0].message' <<<"$errors")"
	expect "did you mean 'ageing'?" "$(jq -r '.[0].help' <<<"$errors")"
}

a_file_that_cannot_be_read_is_an_error() {
	result_is 1 "^$SCRATCH/none.yaml: error: cannot be read: No such file" check "$SCRATCH/none.yaml"
	result_is 1 "cannot be read" check /
	result_is 1 "usage: weft check FILE" check
}

a_wrong_file_starts_no_weftd() {
	local file
	file=$(several_mistakes)

	result_is 1 "config.yaml:5:15: error: ports.p.bridge: there is no bridge 'lam'" \
		timeout 10 "$BIN/weftd" -c "$file" --run-dir "$RUN"
	[ ! -e "$RUN" ] || die "a run-dir was made"
}

every_example_is_right() {
	local file
	touch "$SCRATCH"/{vmlinuz,initrd.img,builder.img,appliance.qcow2}

	for file in examples/*.yaml; do
		if grep -q '^setups:' "$file"; then
			prints . "$BIN/weft-lab" list "$file"
		else
			sed -E "s#(/boot|/var/lib/weft)/#$SCRATCH/#g" "$file" >"$SCRATCH/example.yaml"
			prints ": ok: " check "$SCRATCH/example.yaml"
		fi
	done
	"$BIN/weftd" --print-example >"$SCRATCH/builtin.yaml"
	prints ": ok: 1 bridges, 0 ports, 2 guests" check "$SCRATCH/builtin.yaml"
}

run_tests \
	a_good_file_is_ok \
	an_unknown_key_gets_a_suggestion \
	a_wrong_type_says_what_was_expected \
	two_nics_with_one_mac_are_refused \
	overlapping_subnets_are_refused \
	a_kernel_file_must_exist \
	a_key_may_stand_only_once \
	broken_yaml_says_where \
	all_errors_are_told_in_one_run \
	the_caret_stands_below_the_mistake \
	errors_come_as_json_too \
	a_file_that_cannot_be_read_is_an_error \
	a_wrong_file_starts_no_weftd \
	every_example_is_right
