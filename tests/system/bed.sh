#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm under KVM: directly where this host's own works, else in the bed, a machine under QEMU
# that has it (tests/bed/run.sh).
cd "$(dirname "$0")/../.." || exit 1
BIN=${BIN:-build/release/bin}
export BIN
if "$BIN/weft" doctor 2>/dev/null | grep -q '^PASS  kvm'; then
	exec tests/bed/vmm.sh
fi

# Nested guests now and then bring down the emulated machine itself (QEMU 7.2's TCG): once more, then.
for _ in 1 2; do
	status=0
	out=$(tests/bed/run.sh -t "${BED_SECONDS:-280}" tests/bed/vmm.sh) || status=$?
	[ "$status" = 125 ] || break
done
echo "$out"
[ "$status" != 125 ] || {
	echo "the emulated machine died twice"
	exit 77
}
exit "$status"
