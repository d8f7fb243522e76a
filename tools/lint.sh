#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a machine can say about the style, in seconds: format, include direction, banned tokens in
# the stages, sizes, licence lines, scripts, names in the docs. Prints one line a finding and exits
# with 1 when there is any. Run it from the top of the tree.
set -uo pipefail
shopt -s nullglob

findings=0

complain() {
	echo "lint: $*"
	findings=$((findings + 1))
}

# Runs a command and complains about each line that it writes, in front of which stands `what`.
complain_each() {
	local what=$1 line

	shift
	while IFS= read -r line; do complain "$what: $line"; done < <("$@")
}

# --- what there is -----------------------------------------------------------------------------

folders=()
for folder in common config dataplane bridge nat vhost uplink dhcp vmm daemon cli guest perf tests; do
	[ ! -d "$folder" ] || folders+=("$folder")
done
mapfile -t sources < <(find "${folders[@]}" -name '*.[ch]' | sort)
mapfile -t scripts < <({
	find "${folders[@]}" tools -name '*.sh'
	grep -lsE '^#!.*(sh|bash)$' .ci/* guest/*
} | sort -u)

# --- format ------------------------------------------------------------------------------------

unformatted() {
	clang-format --dry-run "${sources[@]}" 2>&1 | sed -n 's/: warning:.*//p' |
		cut -d: -f1 | sort | uniq -c | awk '{print $2 " (" $1 " places)"}'
}

check_format() {
	complain_each "clang-format -i wanted" unformatted
}

check_licences() {
	local f want

	for f in "${sources[@]}" "${scripts[@]}" Makefile ./*/*.mk perf/*/*.mk examples/*.yaml \
		config/example.yaml; do
		case $f in
		*.yaml) want=0BSD ;;
		*) want=GPL-2.0-or-later ;;
		esac
		sed -n '1,2p' "$f" | grep -q "SPDX-License-Identifier: $want" ||
			complain "$f: does not begin with SPDX-License-Identifier: $want"
	done
}

# --- who includes whom -------------------------------------------------------------------------

# The folders whose headers a file may include, its own aside.
may_include() {
	case $1 in
	common/*) echo "" ;;
	config/* | cli/* | guest/* | vmm/*) echo "common" ;;
	dataplane/pipeline.c) echo "common bridge/bridge_input.h bridge/bridge_output.h bridge/guard.h nat/router_input.h" ;;
	dataplane/eal.*) echo "common config/config.h" ;;
	dataplane/*) echo "common" ;;
	bridge/*) echo "common dataplane" ;;
	nat/*) echo "common dataplane bridge" ;;
	uplink/*) echo "common config/config.h dataplane" ;;
	dhcp/*) echo "common config/config.h" ;;
	vhost/*) echo "common config/config.h dataplane" ;;
	daemon/*) echo "common config dataplane bridge nat vhost uplink dhcp" ;;
	perf/*) echo "common perf" ;;
	esac
}

include_allowed() {
	local file=$1 header=$2 dir

	[ "${header%%/*}" = "${file%%/*}" ] && return 0
	for dir in $(may_include "$file"); do
		[[ $header = "$dir" || $header = "$dir"/* ]] && return 0
	done
	return 1
}

check_includes() {
	local file header

	while IFS=: read -r file header; do
		[[ $file = tests/* ]] && continue
		if [[ $header != */* ]]; then
			complain "$file: includes \"$header\" without its folder"
		elif [ ! -e "$header" ]; then
			complain "$file: includes $header, which is not there"
		elif ! include_allowed "$file" "$header"; then
			complain "$file: must not include $header"
		elif [[ $file = perf/* && $header = perf/*/* && $header != "$(dirname "$file")"/* ]]; then
			complain "$file: must not include $header"
		fi
	done < <(grep -HoE '^#include "[^"]+"' "${sources[@]}" | sed 's/#include "//; s/"$//')
}

# A source file includes its own header first.
check_own_header() {
	local file first

	for file in "${sources[@]}"; do
		[[ $file = *.c && -e ${file%.c}.h ]] || continue
		first=$(grep -m 1 '^#include' "$file")
		[ "$first" = "#include \"${file%.c}.h\"" ] ||
			complain "$file: its first include is not ${file%.c}.h"
	done
}

# --- stages ------------------------------------------------------------------------------------

stages="dataplane/pipeline.c dataplane/capture_point.c dataplane/vlan_tag.c
	bridge/bridge_filter.c bridge/bridge_input.c bridge/bridge_output.c
	dataplane/copy.c dataplane/gso.c
	dataplane/frame.c vhost/chain.h vhost/virtqueue.c
	vhost/chain_read.h vhost/chain_write.h vhost/split.c vhost/packed.c
	nat/ftp.c nat/icmp_error.c nat/mapping.c nat/mss.c nat/npt6.c nat/open.c nat/open_routed.c nat/opening.c nat/packet.c nat/permit.c nat/session.c
	nat/tcp_state.c nat/translate.c nat/wheel.c"
banned='malloc|calloc|realloc|free|strdup|(f|s|sn|d)?printf|log_[a-z]+|pthread_mutex_[a-z]+'
banned+='|read|write|open|close|ioctl|poll|epoll_wait|clock_gettime|usleep|nanosleep'

calls_in_stages() {
	# shellcheck disable=SC2086 # a list of words
	grep -HnE "(^|[^a-z_>.])($banned)\(" $stages
}

mutable_state_in_stages() {
	# shellcheck disable=SC2086 # a list of words
	grep -HnE '^(static )?[a-z_0-9 ]+ \*?[a-z_]+(\[.*\])?( = .*)?;$' $stages | grep -v const
}

check_stages() {
	complain_each "not in a stage" calls_in_stages
	complain_each "no mutable state in a stage" mutable_state_in_stages
}

# --- sizes -------------------------------------------------------------------------------------

file_limit=600 function_limit=100
# Tables, and tests that are lists of cases.
long_files="config/schema.c tests/pipeline/test_vhost_queues.c tests/unit/test_virtqueue.c"

long_functions() {
	awk -v limit="$function_limit" '
		/^[a-z].*;$/ {name = ""}
		/^[a-z][^;=]*\(/ {name = $0}
		/^\{/ {start = FNR}
		/^\}/ {
			if (name != "" && start && FNR - start > limit)
				print FILENAME ":" start ": " FNR - start " lines: " name
			name = ""; start = 0
		}' "${sources[@]}"
}

check_sizes() {
	local file lines

	while read -r lines file; do
		[ "$lines" -le "$file_limit" ] || [[ " $long_files total " = *" $file "* ]] ||
			complain "$file: $lines lines, more than $file_limit"
	done < <(wc -l "${sources[@]}" "${scripts[@]}")
	complain_each "function of more than $function_limit lines" long_functions
	lines=$(wc -l <README.md)
	[ "$lines" -le 150 ] || complain "README.md: $lines lines, more than 150"
}

# --- scripts and docs --------------------------------------------------------------------------

# guest/init and power-button are busybox scripts, which shellcheck takes for dash.
check_scripts() {
	complain_each "shellcheck" shellcheck -f gcc -e SC2317,SC2187 "${scripts[@]}"
}

# Words in backticks, outside of code blocks.
backticked() {
	# shellcheck disable=SC2016 # backticks that are meant as such
	sed '/^```/,/^```/d' "$1" | grep -oE '`[^` ]+`' | tr -d '`' | sort -u
}

# Names in backticks that look like functions or files exist in the tree.
check_docs() {
	local doc name words top=" ${folders[*]} docs tools dist examples man "

	words=$(cat "${sources[@]}" "${scripts[@]}" | grep -oE '[A-Za-z_][A-Za-z0-9_]+' | sort -u)
	for doc in README.md CONTRIBUTING.md docs/architecture.md docs/security.md docs/adr/*.md; do
		[ -e "$doc" ] || continue
		while read -r name; do
			if [[ $name = */* && $top = *" ${name%%/*} "* ]]; then
				[[ -e $name || -n $(compgen -G "$name") || $name != *[./]* ]] ||
					complain "$doc: $name is not in the tree"
			elif [[ $name =~ ^[a-z0-9]+(_[a-z0-9]+)+(\(\))?$ || $name = *'()' ]]; then
				grep -qx "${name%()}" <<<"$words" ||
					complain "$doc: $name is not in the code"
			fi
		done < <(backticked "$doc")
	done
}

registry_hosts() {
	grep -rnIE '(crates|npmjs|pypi|proxy\.golang|rubygems)\.(io|org|com|dev)' \
		--exclude-dir=build --exclude-dir=.git --exclude=lint.sh .
}

check_hosts() {
	complain_each "names a package registry" registry_hosts
}

check_format
check_licences
check_includes
check_own_header
check_stages
check_sizes
check_scripts
check_docs
check_hosts

[ "$findings" -eq 0 ] || echo "lint: $findings findings"
[ "$findings" -eq 0 ]
