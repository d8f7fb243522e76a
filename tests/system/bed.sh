#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm under KVM: directly where this host's own works, else in the bed, a machine under QEMU
# that has it (tests/bed/run.sh).
#
#   BED=all      the tests with guests, too: many minutes in the bed, for nested guests under an emulator
#                are slow. Without it only what needs no guest.
#   BED_SECONDS  how long a script may take in the bed, 600
cd "$(dirname "$0")/../.." || exit 1
BIN=${BIN:-build/release/bin}
export BIN
scripts=(vmm)
if [ "${BED:-}" = all ]; then
	scripts=(vmm machine migrate endure debian demo)
	KERNEL=linux-image-cloud-amd64 guest/mkimage.sh build/image-cloud "$BIN/weft-agent" \
		"$BIN/weft-perf" || echo "no image of the cloud kernel: its tests are skipped"
	tests/bed/mkdebian.sh build/debian || echo "no Debian: its test is skipped"
else
	export ONLY=${ONLY:-mistakes}
fi
run=(tests/bed/run.sh -m 3072 -t "${BED_SECONDS:-600}")
if "$BIN/weft" doctor 2>/dev/null | grep -q '^PASS  kvm'; then
	run=()
fi

# Only what cannot begin is skipped: a script that is late, or whose machine dies, has failed.
result=0
for script in "${scripts[@]}"; do
	status=0 begun=$SECONDS
	"${run[@]}" "tests/bed/$script.sh" || status=$?
	case $status in
	0) ;;
	77) [ "$result" = 1 ] || result=77 ;;
	124 | 125) echo "not ok - $script.sh ends" && result=1 ;;
	*) result=1 ;;
	esac
	[ "${#scripts[@]}" = 1 ] || echo "    $script.sh: $((SECONDS - begun)) s"
done
exit "$result"
