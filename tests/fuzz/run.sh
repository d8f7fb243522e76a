#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs one fuzz target for FUZZ_SECONDS on its kept corpus; what it finds stays in build/fuzz.
set -u
name=$1
scratch=build/fuzz/corpus/$name
mkdir -p "$scratch" build/fuzz/findings
seeds=tests/fuzz/corpus/${name#fuzz_}
[ -d "$seeds" ] || seeds=
exec "build/fuzz/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix=build/fuzz/findings/ -print_final_stats=1 "$scratch" ${seeds:+"$seeds"}
