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
exec tests/bed/run.sh -t "${BED_SECONDS:-550}" tests/bed/vmm.sh
