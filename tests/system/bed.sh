#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm under KVM: directly where this host's own works, else in the bed, a machine under QEMU
# that has it (tests/bed/run.sh).
#
#   BED=all      the tests with guests, too: minutes in the bed, for nested guests under an emulator are
#                slow. Without it only what needs no guest.
cd "$(dirname "$0")/../.." || exit 1
BIN=${BIN:-build/release/bin}
export BIN
scripts=(vmm)
if [ "${BED:-}" = all ]; then
	scripts=(vmm machine endure)
	KERNEL=linux-image-cloud-amd64 guest/mkimage.sh build/image-cloud "$BIN/weft-agent" \
		"$BIN/weft-perf" || echo "no image of the cloud kernel: its tests are skipped"
else
	export ONLY=${ONLY:-mistakes}
fi
run=(tests/bed/run.sh -t "${BED_SECONDS:-280}")
if "$BIN/weft" doctor 2>/dev/null | grep -q '^PASS  kvm'; then
	run=()
fi

result=0
for script in "${scripts[@]}"; do
	status=0
	"${run[@]}" "tests/bed/$script.sh" || status=$?
	case $status in
	124 | 125)
		echo "$script.sh: the emulated machine died, or was too slow"
		status=77
		;;
	esac
	[ "$result" = 1 ] || [ "$status" = 0 ] || result=$status
done
exit "$result"
