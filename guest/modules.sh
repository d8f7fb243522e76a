# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Modules of an unpacked kernel package for an initramfs. A script sources this and defines
# `die`; $modules is the package's lib/modules, $root the initramfs.
# shellcheck disable=SC2154 # they are the including script's

# Thousands of files: they are looked through once, which on a network's file system takes seconds.
find_modules() {
	[ -n "${module_files:-}" ] || module_files=$(find "$modules" -name '*.ko')
}

# module_file NAME: where the kernel package has it, with - or _ in its name. After find_modules.
module_file() {
	echo "$module_files" | grep -m 1 "/$(echo "$1" | sed 's/[-_]/[-_]/g')\.ko\$" || true
}

# closure NAME: the module and what it needs, dependencies first.
closure() {
	file=$(module_file "$1")
	[ -n "$file" ] || die "the kernel has no module $1"
	for need in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr ',' ' '); do
		(closure "$need")
	done
	echo "$1" | tr - _
}

# list NAME MODULE...: copies modules with their dependencies and writes the order to load them in.
list() {
	name=$1
	shift
	find_modules
	for module in "$@"; do
		closure "$module"
	done | awk '!seen[$0]++' >"$root/lib/modules/$name.list"
	while read -r module; do
		cp "$(module_file "$module")" "$root/lib/modules/$module.ko"
	done <"$root/lib/modules/$name.list"
}
