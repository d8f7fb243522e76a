/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool is_on; /* set once, before threads begin */

/* What libc does for any thread: locks, memory, signals, its end. */
#define ANY_THREAD                                                                                 \
	SCMP_SYS(futex), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),   \
		SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(rt_sigreturn),                          \
		SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime), SCMP_SYS(exit),                 \
		SCMP_SYS(exit_group), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(poll),             \
		SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill)

static const int main_calls[] = {
	ANY_THREAD,
	/* the loop and its sockets */
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_ctl), SCMP_SYS(accept4), SCMP_SYS(socket),
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
	SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(shutdown), SCMP_SYS(fcntl), SCMP_SYS(close),
	SCMP_SYS(eventfd2), SCMP_SYS(unlink), SCMP_SYS(lseek),
	/* a NIC that is plugged in looks for a stale socket; statuses tell of memory and time */
	SCMP_SYS(newfstatat), SCMP_SYS(lstat), SCMP_SYS(getrusage), SCMP_SYS(getrandom),
	SCMP_SYS(mincore),
	/* KVM; a reset loads the kernel again, out of open files */
	SCMP_SYS(ioctl), SCMP_SYS(fallocate), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
	SCMP_SYS(fstat), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(fdatasync),
	/* a migration's log of written pages */
	SCMP_SYS(memfd_create), SCMP_SYS(ftruncate)};

/* Device registers: eventfds, the messages of a vhost-user session, the console. */
static const int cpu_calls[] = {ANY_THREAD,	   SCMP_SYS(ioctl),   SCMP_SYS(epoll_ctl),
				SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(shutdown)};

static const int disk_calls[] = {ANY_THREAD,	      SCMP_SYS(preadv),	   SCMP_SYS(pwritev),
				 SCMP_SYS(fdatasync), SCMP_SYS(fallocate), SCMP_SYS(ioctl)};

static const struct {
	const int *calls;
	size_t n;
} allowed[] = {
	[SANDBOX_MAIN] = {main_calls, ARRAY_SIZE(main_calls)},
	[SANDBOX_CPU] = {cpu_calls, ARRAY_SIZE(cpu_calls)},
	[SANDBOX_DISK] = {disk_calls, ARRAY_SIZE(disk_calls)},
};
static_assert(ARRAY_SIZE(allowed) == SANDBOX_N, "a list for each kind of thread");

/*
 * What Landlock's first version knows of, without what a NIC that is plugged in takes: its socket
 * is made and removed.
 */
#define NO_FILES                                                                                   \
	((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 -                                                  \
	 (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE))

/* From now on no file is found by its name, in this thread and in those that it starts. */
static int shut_files(void)
{
	struct landlock_ruleset_attr none = {.handled_access_fs = NO_FILES};
	int fd =
		(int)syscall(SYS_landlock_create_ruleset, &none, sizeof(none.handled_access_fs), 0);
	int ret;

	if (fd < 0) /* a kernel without it */
		return 0;
	ret = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
	return ret;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	return (int)syscall(SYS_capset, &h, none);
}

/* All of it is a thread's own: those that begin later inherit it. */
static int give_up(void)
{
	if (drop_capabilities() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return shut_files();
}

static int become(const char *user, struct err *e)
{
	const struct passwd *pw = getpwnam(user);

	if (!pw)
		return err_set(e, ENOENT, "--user %s: there is no such user", user);
	if (setgroups(0, NULL) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return err_set(e, errno, "cannot become user %s: %s; start as root", user,
			       strerror(errno));
	return 0;
}

int sandbox_init(const char *user, struct err *e)
{
	int ret = user ? become(user, e) : 0;

	if (ret)
		return ret;
	/* Else the first line of the log reads /etc/localtime. */
	tzset();
	if (give_up() < 0)
		return err_set(e, errno, "cannot give up privileges: %s", strerror(errno));
	is_on = true;
	return 0;
}

void sandbox_enter(enum sandbox_kind kind)
{
	scmp_filter_ctx filter;
	int ret = 0;

	if (!is_on)
		return;
	/* A disk's thread began before sandbox_init. */
	if (kind == SANDBOX_DISK && give_up() < 0)
		ret = -errno;
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter) {
		for (size_t i = 0; i < allowed[kind].n && ret == 0; i++)
			ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[kind].calls[i], 0);
		ret = ret ?: seccomp_load(filter);
		seccomp_release(filter);
	}
	if (filter && ret == 0)
		return;
	fprintf(stderr, "weft-vmm: no seccomp filter can be had: %s; --no-sandbox goes without\n",
		strerror(-ret));
	_exit(1);
}
