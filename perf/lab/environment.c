/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/environment.h"

#include "common/util.h"
#include "common/version.h"
#include "perf/lab/child.h"

#define QUESTION_TIMEOUT_MS 5000

/* The last line that a command prints is the answer. */
static const struct {
	const char *key, *command;
} questions[] = {
	{"kernel", "uname -srm"},
	{"os", ". /etc/os-release && echo \"$PRETTY_NAME\""},
	{"cpu", "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed 1q"},
	{"microcode", "sed -n 's/^microcode[^:]*: //p' /proc/cpuinfo | sed 1q"},
	{"cores", "nproc"},
	{"smt", "cat /sys/devices/system/cpu/smt/control 2>&-"},
	{"governor", "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>&-"},
	{"memory", "awk '/^MemTotal/ {printf \"%.1f GiB\\n\", $2 / 1048576}' /proc/meminfo"},
	{"hugepages", "awk '/^HugePages_(Total|Free)/ {print $2}' /proc/meminfo | paste -sd' ' | "
		      "sed 's/ / reserved, /; s/$/ free (2 MiB)/'"},
	{"transparent_hugepages",
	 "sed 's/.*\\[\\(.*\\)\\].*/\\1/' /sys/kernel/mm/transparent_hugepage/enabled 2>&-"},
	{"mitigations", "cd /sys/devices/system/cpu/vulnerabilities && grep -H Mitigation * | "
			"sed 's/:Mitigation: /=/; s/;.*//' | paste -sd, | sed 's/,/, /g'"},
	{"kernel_arguments", "tr ' ' '\\n' </proc/cmdline | grep -E "
			     "'^(mitigations|nosmt|isolcpus|nohz_full|rcu_nocbs|idle|[a-z_]*iommu|"
			     "[a-z_]*hugepage[a-z_]*)(=|$)' | paste -sd' '"},
	{"qemu", "qemu-system-x86_64 --version 2>&- | sed 1q"},
	{"dpdk", "pkg-config --modversion libdpdk 2>&- || "
		 "dpkg-query -W -f '${Version}\\n' 'librte-eal*' 2>&- | sed 1q"},
	{"ovs", "dpkg-query -W -f '${Version}\\n' openvswitch-switch-dpdk 2>&-"},
};

json_t *environment_read(void)
{
	json_t *env = json_object();
	char answer[1024];

	json_object_set_new(env, "weft", json_string(version_text));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		json_t *text = NULL;

		if (child_shell(questions[i].command, "/", "/", QUESTION_TIMEOUT_MS, false, answer,
				sizeof(answer)) == 0 &&
		    answer[0])
			text = json_string(answer);
		json_object_set_new(env, questions[i].key, text ? text : json_string("unknown"));
	}
	return env;
}
