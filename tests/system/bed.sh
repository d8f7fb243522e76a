#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm under KVM: directly where this host's own works, else in the bed, a machine under QEMU
# that has it (tests/bed/run.sh).
#
#   BED=all      the tests with guests, too: one to several minutes in the bed, for nested guests under
#                an emulator are slow and not even. Without it only what needs no guest.
cd "$(dirname "$0")/../.." || exit 1
BIN=${BIN:-build/release/bin}
export BIN
if "$BIN/weft" doctor 2>/dev/null | grep -q '^PASS  kvm'; then
	exec tests/bed/vmm.sh
fi
[ "${BED:-}" = all ] || export ONLY=${ONLY:-mistakes}

status=0
tests/bed/run.sh -t "${BED_SECONDS:-280}" tests/bed/vmm.sh || status=$?
case $status in
124 | 125)
	echo "the emulated machine died, or was too slow"
	exit 77
	;;
esac
exit "$status"
