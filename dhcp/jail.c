/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/util.h"

static void die(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void die(const char *fmt, ...)
{
	va_list ap;

	fputs("weft-jail: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* --- network ---------------------------------------------------------------------------------- */

static void write_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* Without IPv6 in the kernel its switches are not there, and not needed. */
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/* The namespace took the host's defaults over: it is to be no router, and no client of one. */
static void set_sysctls(const struct jail *j)
{
	write_sysctl("/proc/sys/net/ipv4/ip_forward", "0");
	write_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "0");
	write_sysctl("/proc/sys/net/ipv6/conf/all/accept_ra", "0");
	write_sysctl("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
	write_sysctl("/proc/sys/net/ipv6/conf/all/disable_ipv6", j->ip6 ? "0" : "1");
	write_sysctl("/proc/sys/net/ipv6/conf/default/disable_ipv6", j->ip6 ? "0" : "1");
}

static void set_rules(const struct jail *j)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", j->dir, DHCP_RULES);
	if (!nft)
		die("out of memory for nftables");
	nft_ctx_buffer_error(nft);
	if (nft_run_cmd_from_filename(nft, path)) {
		const char *why = nft_ctx_get_error_buffer(nft);

		/* One line: who shows the last one would show the underline of the rule. */
		die("nftables refuses the rules that keep guests from dnsmasq (does the kernel "
		    "have nf_tables and conntrack?): %.*s",
		    (int)strcspn(why, "\n"), why);
	}
	nft_ctx_free(nft);
}

static void enter_network(const struct jail *j)
{
	int fd = open(j->netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die("cannot enter the network namespace %s: %s", j->netns, strerror(errno));
	close(fd);
	set_sysctls(j);
	set_rules(j);
}

/* --- files ------------------------------------------------------------------------------------ */

/* Shows `from` at `to`, which exists: read only, no devices but those that are meant. */
static void show(const char *from, const char *to, bool device)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID;

	if (mount(from, to, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, to, NULL, device ? flags | MS_NOEXEC : flags | MS_NODEV, NULL) < 0)
		die("cannot mount %s in the jail: %s", from, strerror(errno));
}

static void show_folder(const char *from, const char *to)
{
	if (mkdir(to, 0755) < 0 && errno != EEXIST)
		die("cannot make %s in the jail: %s", to, strerror(errno));
	show(from, to, false);
}

static void show_file(const char *from, const char *to, bool device)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd < 0)
		die("cannot make %s in the jail: %s", to, strerror(errno));
	close(fd);
	show(from, to, device);
}

/* Programs and libraries: what is a link into /usr stays one. */
static void show_system(void)
{
	static const char *const folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *name = folders[i] + 1;
		char target[PATH_MAX];
		ssize_t n = readlink(folders[i], target, sizeof(target) - 1);

		if (n > 0) {
			target[n] = '\0';
			if (symlink(target, name) < 0)
				die("cannot link %s in the jail: %s", name, strerror(errno));
		} else if (access(folders[i], F_OK) == 0) {
			show_folder(folders[i], name);
		}
	}
}

static void write_file(const char *path, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void write_file(const char *path, const char *fmt, ...)
{
	FILE *f = fopen(path, "we");
	va_list ap;

	if (!f)
		die("cannot write %s in the jail: %s", path, strerror(errno));
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	if (fclose(f) != 0)
		die("cannot write %s in the jail: %s", path, strerror(errno));
}

/* In the new root, which is the working directory. */
static void fill_root(const struct jail *j)
{
	show_system();
	if (mkdir("dev", 0755) < 0 || mkdir("etc", 0755) < 0)
		die("cannot fill the jail: %s", strerror(errno));
	show_file("/dev/null", "dev/null", true);
	show_file("/dev/urandom", "dev/urandom", true);
	show_file("/dev/random", "dev/random", true);
	write_file("etc/passwd", DHCP_JAIL_USER ":x:%u:%u::/:/bin/false\n", j->uid, j->gid);
	write_file("etc/group", DHCP_JAIL_USER ":x:%u:\n", j->gid);
	write_file("etc/nsswitch.conf", "passwd: files\ngroup: files\n");
	show_folder(j->dir, &DHCP_JAIL_FILES[1]);
	show_file(j->lease, &DHCP_JAIL_LEASE[1], false);
	if (j->tftp)
		show_folder(j->tftp, &DHCP_JAIL_TFTP[1]);
}

static void enter_files(const struct jail *j)
{
	char root[PATH_MAX];

	snprintf(root, sizeof(root), "%s/%s", j->dir, DHCP_ROOT);
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("cannot make namespaces: %s; weftd needs CAP_SYS_ADMIN", strerror(errno));
	if (mount("weft-jail", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=256k,mode=755") < 0 ||
	    chdir(root) < 0)
		die("cannot mount the jail on %s: %s", root, strerror(errno));
	umask(022);
	fill_root(j);
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
		    0)
		die("cannot change the root to %s: %s", root, strerror(errno));
}

/* --- privileges ------------------------------------------------------------------------------- */

static void set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = data[i].inheritable =
			(uint32_t)(caps >> 32 * i);
	if (syscall(SYS_capset, &header, data) < 0)
		die("cannot set capabilities: %s", strerror(errno));
	for (int cap = 0; cap < 64; cap++)
		if (caps & 1ull << cap &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			die("cannot keep capability %d: %s", cap, strerror(errno));
}

static void become_user(const struct jail *j)
{
	uint64_t caps = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_BIND_SERVICE;

	if (j->ip6)
		caps |= 1ull << CAP_NET_RAW;
	for (int cap = 0; cap < 64; cap++)
		if (!(caps & 1ull << cap) && prctl(PR_CAPBSET_READ, cap) == 1)
			prctl(PR_CAPBSET_DROP, cap);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(j->gid, j->gid, j->gid) < 0 || setresuid(j->uid, j->uid, j->uid) < 0)
		die("cannot become user %u: %s", j->uid, strerror(errno));
	set_capabilities(caps);
}

static void set_limits(void)
{
	struct rlimit files = {1024, 1024}, none = {0, 0};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		die("cannot set limits: %s", strerror(errno));
}

/* What dnsmasq and its script never do, and whoever takes them over would like to. */
static void refuse_calls(void)
{
	static const int calls[] = {
		SCMP_SYS(unshare),
		SCMP_SYS(setns),
		SCMP_SYS(mount),
		SCMP_SYS(umount2),
		SCMP_SYS(pivot_root),
		SCMP_SYS(chroot),
		SCMP_SYS(ptrace),
		SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev),
		SCMP_SYS(kexec_load),
		SCMP_SYS(init_module),
		SCMP_SYS(finit_module),
		SCMP_SYS(delete_module),
		SCMP_SYS(bpf),
		SCMP_SYS(perf_event_open),
		SCMP_SYS(userfaultfd),
		SCMP_SYS(io_uring_setup),
		SCMP_SYS(keyctl),
		SCMP_SYS(add_key),
		SCMP_SYS(request_key),
		SCMP_SYS(open_by_handle_at),
		SCMP_SYS(swapon),
		SCMP_SYS(reboot),
		SCMP_SYS(acct),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(calls) && ret == 0; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	ret = ret ?: seccomp_load(filter);
	if (ret)
		die("cannot load the seccomp filter: %s", strerror(-ret));
	seccomp_release(filter);
}

/* Changing the user forgets it, so it is the last but one thing; a parent that went is seen. */
static void die_with_parent(const struct jail *j)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("cannot be bound to weftd: %s", strerror(errno));
	if (getppid() != j->parent)
		exit(1);
}

void jail_enter(const struct jail *j)
{
	die_with_parent(j);
	enter_network(j);
	enter_files(j);
	set_limits();
	become_user(j);
	die_with_parent(j);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("cannot give up new privileges: %s", strerror(errno));
	refuse_calls();
}
