#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Live migration of a guest that receives a TCP stream, between two QEMUs of this host. Both have a
# port on the bridge; after the migration the bridge learns that the guest has moved.
#
#   QEMU source ------- src.sock [              ]
#      | migrate                 [ weftd: lan   ] beta.0 ---- beta, the sender
#      v                         [              ]
#   QEMU destination -- dst.sock [              ]
#
# The QEMUs are the test's own, for weftd does not migrate guests. Their serial consoles and monitors
# are pipes: what is written to NAME.in is typed, what comes out of NAME.out is kept in NAME.log.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

BOOT_S=150 # emulated guests on a busy machine
MIGRATION_S=90
MOVER=10.10.0.77
MOVER_MAC=52:54:00:00:00:77

in_beta() { weft -t 120 guest/exec beta -- sh -c "$*"; }
type_in() { echo "$2" >"$SCRATCH/$1.in"; } # type_in PIPE LINE
said() { grep -qaE -- "$2" "$SCRATCH/$1.log"; } # said PIPE PATTERN
rx_packets() { json '.[0].rx_packets' stats/show "$1"; }
has_received() { [ "$(rx_packets "$1")" -gt "$2" ]; } # has_received PORT PACKETS
is_at() { weft fdb/show lan | grep -i "$MOVER_MAC" | grep -qw "$1"; }

make_pipe() { # make_pipe NAME
	mkfifo "$SCRATCH/$1.in" "$SCRATCH/$1.out"
	start "$1" cat "$SCRATCH/$1.out"
}

# The argument that follows an option in the command line of beta's QEMU.
betas() {
	tr '\0' '\n' <"/proc/$(json '.[] | select(.name == "beta") | .pid' guest/list)/cmdline" |
		grep -xA1 -e "$1" | tail -n 1
}

# mover PORT QEMU-OPTIONS...: a QEMU whose NIC is on that port.
mover() {
	local port=$1
	shift
	make_pipe "$port-console"
	make_pipe "$port-monitor"
	start "$port-qemu" qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
		-machine q35,memory-backend=memory -accel tcg -cpu max,-erms -m 256M \
		-object memory-backend-memfd,id=memory,size=256M,share=on \
		-chardev "socket,id=nic,path=$RUN/$port.sock" \
		-netdev vhost-user,id=net,chardev=nic \
		-device "virtio-net-pci,netdev=net,mac=$MOVER_MAC,disable-legacy=on,romfile=,vectors=0" \
		-serial "pipe:$SCRATCH/$port-console" -monitor "pipe:$SCRATCH/$port-monitor" \
		-kernel "$(betas -kernel)" -initrd "$(betas -initrd)" \
		-append "console=ttyS0 panic=-1 quiet loglevel=4 tsc=reliable weft.name=mover weft.nic=$MOVER_MAC,$MOVER/24,1500" \
		"$@"
}

three_guests() {
	start_guests beta <<-END
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24}
		ports:
		  src: {bridge: lan}
		  dst: {bridge: lan}
		guests:
		  beta: {nics: [{bridge: lan}]}
	END
	mover src
	wait_for $BOOT_S port_is src up
	mover dst -incoming "unix:$SCRATCH/migration.sock"
}

# The guest's clock stops for the blackout, so no clock is asked: beta sends copies of a file until it
# is told to stop, and the guest sums up what comes; at the end of its own input nc would hang up.
start_stream() {
	type_in src-console "sleep 9999 | nc -l -p 7777 | md5sum &"
	type_in src-console "until netstat -ltn | grep -q :7777; do :; done; echo serving \$((6 * 7))"
	wait_for $BOOT_S said src-console "serving 42"
	in_beta "dd if=/dev/urandom of=/tmp/part bs=64k count=32 2>/dev/null; : >/tmp/sent
		while [ ! -e /tmp/stop ]; do cat /tmp/part; echo >>/tmp/sent; done |
			nc $MOVER 7777" 2>"$SCRATCH/stream.err" &
	STREAM=$!
	wait_for 40 has_received src 500
}

stop_stream() {
	in_beta touch /tmp/stop
	wait "$STREAM" || die "the stream broke: $(cat "$SCRATCH/stream.err")"
	wait_for 20 said dst-console "^[0-9a-f]{32}"
}

received_sum() { grep -aoE "^[0-9a-f]{32}" "$SCRATCH/dst-console.log"; }
sent_sum() { in_beta "while read -r _; do cat /tmp/part; done </tmp/sent | md5sum | cut -c1-32"; }

# From the last frame that came from the source to the first one from the destination, in ms.
watch_blackout() {
	local last=0 now at since
	at=$(now_ms)
	until has_received dst 0; do
		now=$(rx_packets src)
		[ "$now" = "$last" ] || since=$(now_ms)
		last=$now
		[ $(($(now_ms) - at)) -lt $((MIGRATION_S * 1000)) ] || break
	done
	echo $(($(now_ms) - since)) >"$SCRATCH/blackout"
}

status_is() { # status_is STATUS
	type_in src-monitor "info migrate"
	sleep 0.1
	said src-monitor "Migration status: $1"
}

a_guest_migrates_under_a_verified_stream() {
	local moved
	three_guests
	start_stream

	watch_blackout &
	type_in src-monitor "migrate_set_parameter downtime-limit 2000"
	type_in src-monitor "migrate -d unix:$SCRATCH/migration.sock"
	wait_for $MIGRATION_S status_is completed
	wait_for 10 is_at dst
	wait_for 10 test -s "$SCRATCH/blackout"
	moved=$(rx_packets dst)
	wait_for 20 has_received dst $((moved + 100))

	stop_stream
	expect "$(sent_sum)" "$(received_sum)"
	note "$(in_beta "wc -l </tmp/sent") x 2 MiB, blackout $(cat "$SCRATCH/blackout") ms"
}

run_tests a_guest_migrates_under_a_verified_stream
