#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What stands in the way of weftd, and clients that mean it no good; no guests.
#
#   files, permissions, memory, clients ---- weftd: bridge lan, ports a and b
# shellcheck disable=SC2016 # dollars in single quotes belong to Perl or sh
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

ports() { weft list-ports lan | paste -sd' '; }
logs() { grep -qE -- "$1" "$SCRATCH/weftd.log"; }

# fails_to_start PATTERN ARGUMENTS...: it says why and ends by itself.
fails_to_start() {
	local pattern=$1
	shift
	result_is 1 "$pattern" timeout 10 "$BIN/weftd" "$@"
}

# hold_connection TEXT [TIMES]: a client that sends the text and then neither reads nor closes.
hold_connection() {
	rm -f "$SCRATCH/client.log"
	start client perl -MIO::Socket::UNIX -e '
		$SIG{PIPE} = "IGNORE";
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "cannot connect: $!";
		$s->syswrite($ARGV[1] x $ARGV[2]);
		print "sent\n"; close STDOUT;
		sleep 60;' "$RUN/weftd.sock" "$1" "${2:-1}"
	wait_for 5 grep -q sent "$SCRATCH/client.log"
}

a_second_weftd_on_the_same_run_dir_is_refused() {
	weftd_with_two_ports

	fails_to_start "another weftd \(pid $WEFTD\) runs on $RUN; stop it" \
		-c "$SCRATCH/config.yaml" --run-dir "$RUN"
	prints '^lan$' weft list-br
}

a_socket_path_in_use_is_refused() {
	weftd_with_two_ports
	start listener perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 8) or die "listen: $!";
		print "listens\n"; close STDOUT;
		sleep 60;' "$SCRATCH/used.sock"
	wait_for 5 grep -q listens "$SCRATCH/listener.log"

	result_is 65 "port x: socket path $SCRATCH/used.sock is in use by another program" \
		weft add-port lan x "vhost-user.path=$SCRATCH/used.sock"
	[ -S "$SCRATCH/used.sock" ] || die "somebody else's socket is gone"
}

a_file_in_the_way_is_not_removed() {
	weftd_with_two_ports
	echo precious >"$SCRATCH/notes"

	result_is 65 "port x: $SCRATCH/notes (exists|is)" \
		weft add-port lan x "vhost-user.path=$SCRATCH/notes"
	expect precious "$(cat "$SCRATCH/notes")"
}

a_socket_without_permission_is_told() {
	need setpriv
	[ "$(id -u)" = 0 ] || skip "only root can become nobody: run as root"
	chmod 711 "$SCRATCH"
	install -d -o nobody "$RUN"
	mkdir -m 700 "$SCRATCH/private"
	cp "$BIN/weftd" "$SCRATCH"
	config >/dev/null <<-END
		version: 1
		bridges:
		  lan: {}
		ports:
		  a: {bridge: lan}
		  x: {bridge: lan, vhost-user: {path: $SCRATCH/private/x.sock}}
	END
	start weftd setpriv --reuid=nobody --regid=nogroup --clear-groups "$SCRATCH/weftd" \
		--run-dir "$RUN" -c "$SCRATCH/config.yaml"
	wait_for 10 weft version

	expect a "$(ports)"
	logs "port x: cannot create a socket in $SCRATCH/private: Permission denied" ||
		die "the log does not say why port x is not there"
	result_is 65 "Permission denied" \
		weft add-port lan y "vhost-user.path=$SCRATCH/private/y.sock"
}

a_run_dir_that_cannot_be_made_is_told() {
	echo "version: 1" >"$SCRATCH/empty.yaml"

	fails_to_start "cannot create run-dir $SCRATCH/empty.yaml/run: Not a directory; choose" \
		-c "$SCRATCH/empty.yaml" --run-dir "$SCRATCH/empty.yaml/run"
}

without_dpdk_memory_it_says_what_to_reserve() {
	local free=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
	echo 0 >"$SCRATCH/none"
	unshare -m mount --bind "$SCRATCH/none" $free 2>/dev/null ||
		skip "cannot hide the hugepages of this host: run as root"
	config >/dev/null <<-END
		version: 1
		switch: {hugepages: on}
	END

	result_is 1 "no DPDK memory: switch.hugepages is on.*sysctl vm.nr_hugepages" \
		unshare -m sh -c 'mount --bind "$0" "$1"; shift; exec timeout 10 "$@"' \
		"$SCRATCH/none" $free "$BIN/weftd" -c "$SCRATCH/config.yaml" --run-dir "$RUN"
	[ ! -e "$RUN" ] || die "left: $(find "$RUN")"
}

a_client_that_sends_garbage_disturbs_nobody() {
	weftd_with_two_ports
	hold_connection $'\x80\xff{]}\n\n[1,2]\nnull\n{"jsonrpc":"2.0","id":1,"method":7}\n'
	hold_connection x 20000000

	prints "Bridge lan" weft -t 2 show
}

a_client_that_stalls_in_mid_line_disturbs_nobody() {
	weftd_with_two_ports
	for _ in 1 2 3 4; do
		hold_connection '{"jsonrpc": "2.0", "id": 1, "meth'
	done

	prints "Bridge lan" weft -t 2 show
	stop_weftd || die "weftd ended with status $?"
}

run_tests \
	a_second_weftd_on_the_same_run_dir_is_refused \
	a_socket_path_in_use_is_refused \
	a_file_in_the_way_is_not_removed \
	a_socket_without_permission_is_told \
	a_run_dir_that_cannot_be_made_is_told \
	without_dpdk_memory_it_says_what_to_reserve \
	a_client_that_sends_garbage_disturbs_nobody \
	a_client_that_stalls_in_mid_line_disturbs_nobody
