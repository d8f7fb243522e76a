/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/doctor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/kvm_probe.h"
#include "common/units.h"
#include "common/util.h"
#include "daemon/doctor_private.h"
#include "daemon/hugepages.h"
#include "daemon/image.h"
#include "daemon/qemu.h"
#include "uplink/netdev.h"
#include "uplink/xdp_features.h"

#define RUN_DIR	      "/run/weft"
#define QEMU_PROBE    QEMU_DEFAULT " -machine none -display none -nodefaults "
#define MEMORY_ENOUGH (2ull << 30) /* the example's two guests, DPDK, and the host itself */

static const char *const result_names[] = {"PASS", "WARN", "FAIL"};
static_assert(ARRAY_SIZE(result_names) == RESULT_N, "a name for each result");

struct check {
	const char *name;
	void (*look)(struct finding *f);
};

void doctor_say(struct finding *f, enum result result, const char *fix, const char *fmt, ...)
{
	va_list ap;

	f->result = result;
	snprintf(f->fix, sizeof(f->fix), "%s", fix);
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

static void look_kvm(struct finding *f)
{
	struct kvm_probe p;

	kvm_probe_run(NULL, &p);
	doctor_say(
		f, p.usable ? PASS : WARN,
		p.usable ? ""
			 : "nothing has to be done: guests run on QEMU's TCG, some 10 times slower",
		"%s", p.reason);
}

/* The first line that a shell command writes, without its newline; "" when it fails. */
static void first_line(const char *command, char *text, size_t size)
{
	FILE *p = popen(command, "re");

	text[0] = '\0';
	if (!p)
		return;
	if (!fgets(text, (int)size, p))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	pclose(p);
}

static void look_qemu(struct finding *f)
{
	char version[128];

	if (!qemu_find(QEMU_DEFAULT)) {
		doctor_say(f, FAIL, "apt-get install qemu-system-x86", "%s is not installed",
			   QEMU_DEFAULT);
		return;
	}
	first_line(QEMU_DEFAULT " --version", version, sizeof(version));
	if (!version[0])
		doctor_say(f, FAIL, "apt-get install --reinstall qemu-system-x86",
			   "%s does not run", QEMU_DEFAULT);
	else
		doctor_say(f, PASS, "", "%s", version);
}

/* /usr/sbin is not in everybody's PATH. */
static void look_dnsmasq(struct finding *f)
{
	char version[128];

	first_line("PATH=$PATH:/usr/sbin dnsmasq --version", version, sizeof(version));
	if (version[0])
		doctor_say(f, PASS, "", "%s", version);
	else
		doctor_say(f, WARN, "apt-get install dnsmasq-base",
			   "dnsmasq is not installed: bridges with dhcp have no server");
}

static void look_vhost_user(struct finding *f)
{
	char line[128];

	first_line(QEMU_PROBE "-netdev help 2>&1 | grep -x vhost-user", line, sizeof(line));
	if (line[0])
		doctor_say(f, PASS, "", "QEMU has vhost-user");
	else
		doctor_say(f, FAIL,
			   "use Debian's qemu-system-x86, or a QEMU built with --enable-vhost-user",
			   "QEMU lacks vhost-user");
}

static void look_image(struct finding *f)
{
	static const char *const files[] = {"vmlinux", "initrd.img"};
	char dir[PATH_MAX], path[PATH_MAX + 16];

	image_find_dir(dir, sizeof(dir));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		if (access(path, R_OK) < 0) {
			doctor_say(f, WARN,
				   "make guest-image, or name a kernel and an initrd of your own",
				   "there is no %.200s", path);
			return;
		}
	}
	doctor_say(f, PASS, "", "guest image in %s", dir);
}

static void look_hugepages(struct finding *f)
{
	struct hugepages h;

	hugepages_read(&h);
	doctor_say(f, h.free ? PASS : WARN,
		   h.free ? ""
			  : "optional: sysctl vm.nr_hugepages=1024 (2 GiB) makes forwarding faster",
		   "%" PRIu64 " of %" PRIu64 " huge pages of 2 MiB are free", h.free, h.total);
}

static void look_huge_memfd(struct finding *f)
{
	int fd = memfd_create("weft-doctor", MFD_CLOEXEC | MFD_HUGETLB);

	if (fd >= 0)
		close(fd);
	doctor_say(f, fd >= 0 ? PASS : WARN,
		   fd >= 0 ? "" : "use a kernel with CONFIG_HUGETLBFS, or leave hugepages: off",
		   fd >= 0 ? "memfds of huge pages work" : "memfds of huge pages do not work: %s",
		   strerror(errno));
}

static void look_memory(struct finding *f)
{
	char line[128], text[32];
	uint64_t kib;

	first_line("sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo", line,
		   sizeof(line));
	kib = strtoull(line, NULL, 10);
	units_format_size(kib << 10, text, sizeof(text));
	doctor_say(f, kib << 10 >= MEMORY_ENOUGH ? PASS : WARN,
		   kib << 10 >= MEMORY_ENOUGH ? "" : "give the guests less memory, or run fewer",
		   "%s of memory are available", text);
}

static void look_cpus(struct finding *f)
{
	int n = get_nprocs();

	doctor_say(f, n >= 2 ? PASS : WARN,
		   n >= 2 ? "" : "use a host with 2 CPUs or more: switch and guests share this one",
		   "%d CPUs", n);
}

static void look_tun(struct finding *f)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	doctor_say(f, fd >= 0 ? PASS : WARN, fd >= 0 ? "" : "modprobe tun; needed only for taps",
		   fd >= 0 ? "/dev/net/tun opens" : "/dev/net/tun: %s", strerror(errno));
}

static void look_memlock(struct finding *f)
{
	struct rlimit limit = {0};
	char text[32];
	bool ok;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	ok = limit.rlim_cur == RLIM_INFINITY || geteuid() == 0;
	units_format_size(limit.rlim_cur, text, sizeof(text));
	doctor_say(f, ok ? PASS : WARN,
		   ok ? "" : "run as root, or set LimitMEMLOCK=infinity (ulimit -l unlimited)",
		   ok ? "memory may be locked" : "only %s may be locked", text);
}

static void look_run_dir(struct finding *f)
{
	char path[64] = RUN_DIR "/doctor.XXXXXX";
	bool made = mkdir(RUN_DIR, 0755) == 0;
	int fd = mkostemp(path, O_CLOEXEC), error = errno;

	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	if (made)
		rmdir(RUN_DIR);
	doctor_say(f, fd >= 0 ? PASS : FAIL,
		   fd >= 0 ? ""
			   : "run as root, or set switch run-dir to a folder that you may write",
		   fd >= 0 ? RUN_DIR " is writable" : RUN_DIR ": %s", strerror(error));
}

/* " eth0 native with zero-copy", as driver: af_xdp would choose; "" for what is no NIC. */
static void describe_nic(const char *name, char *text, size_t size)
{
	struct xdp_features f = {0};
	struct netdev d;

	text[0] = '\0';
	if (netdev_read(name, &d, NULL) < 0 || mac_is_zero(&d.mac))
		return;
	if (xdp_features_read(d.ifindex, &f) < 0)
		snprintf(text, size, " %s (ask by using it)", name);
	else
		snprintf(text, size, " %s %s", name,
			 f.zero_copy ? "native with zero-copy"
			 : f.native  ? "native"
				     : "generic");
}

static void look_xdp(struct finding *f)
{
	struct if_nameindex *devices = if_nameindex();
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), error = errno;
	char all[200] = "", one[64];

	for (unsigned i = 0; devices && devices[i].if_name; i++) {
		describe_nic(devices[i].if_name, one, sizeof(one));
		if (strlen(all) + strlen(one) < sizeof(all))
			strcat(all, one);
	}
	if_freenameindex(devices);
	if (fd < 0) {
		doctor_say(f, WARN,
			   "run as root, with a kernel that has CONFIG_XDP_SOCKETS; needed only "
			   "for NICs with driver: af_xdp",
			   "AF_XDP: %s", strerror(error));
		return;
	}
	close(fd);
	doctor_say(f, PASS, "", "AF_XDP works;%s", all[0] ? all : " there is no NIC");
}

static const struct check checks[] = {
	{"kvm", look_kvm},
	{"qemu", look_qemu},
	{"vhost-user", look_vhost_user},
	{"image", look_image},
	{"hugepages", look_hugepages},
	{"huge-memfd", look_huge_memfd},
	{"memory", look_memory},
	{"cpus", look_cpus},
	{"tun", look_tun},
	{"memlock", look_memlock},
	{"run-dir", look_run_dir},
	{"nftables", doctor_look_nftables},
	{"forwarding", doctor_look_forwarding},
	{"leftovers", doctor_look_leftovers},
	{"xdp", look_xdp},
	{"dnsmasq", look_dnsmasq},
};

static void print_line(FILE *out, const char *name, const struct finding *f)
{
	fprintf(out, "%s  %-10s  %s\n", result_names[f->result], name, f->text);
	if (f->fix[0])
		fprintf(out, "      %-10s  fix: %s\n", "", f->fix);
}

static json_t *finding_json(const char *name, const struct finding *f)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "result", result_names[f->result],
			 "text", f->text, "fix", f->fix);
}

int doctor_run(FILE *out, bool json)
{
	json_t *list = json ? json_array() : NULL, *root;
	bool failed = false;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct finding f = {0};

		checks[i].look(&f);
		failed |= f.result == FAIL;
		if (json)
			json_array_append_new(list, finding_json(checks[i].name, &f));
		else
			print_line(out, checks[i].name, &f);
	}
	if (json) {
		root = json_pack("{s:b, s:o}", "ok", !failed, "checks", list);
		json_dumpf(root, out, JSON_INDENT(2));
		fputc('\n', out);
		json_decref(root);
	}
	return failed;
}
