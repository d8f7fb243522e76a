/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/listener.h"

struct world {
	char dir[64], path[80];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/weft-listener-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/weftd.sock", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	unlink(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* Leaves a socket at `path` with nobody behind it. */
static void leave_dead_socket(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
}

static void assert_answers(const struct world *w)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
}

static void a_path_in_use_is_refused_and_stays_in_use(void **state)
{
	struct world *w = *state;
	struct listener first, second;
	struct err e;

	assert_int_equal(listener_open(&first, w->path, "", "", 0600, &e), 0);

	assert_int_equal(listener_open(&second, w->path, "", "", 0600, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "another weftd"));
	assert_answers(w);
	listener_close(&first);
	assert_int_equal(access(w->path, F_OK), -1);
}

static void a_dead_daemons_socket_is_replaced(void **state)
{
	struct world *w = *state;
	struct listener l;
	struct err e;

	leave_dead_socket(w->path);

	assert_int_equal(listener_open(&l, w->path, "", "", 0600, &e), 0);
	assert_answers(w);
	listener_close(&l);
}

static void a_file_that_is_no_socket_is_refused_and_kept(void **state)
{
	struct world *w = *state;
	struct listener l;
	struct err e;

	close(open(w->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));

	assert_int_equal(listener_open(&l, w->path, "", "", 0600, &e), -EEXIST);
	assert_non_null(strstr(e.text, "no socket"));
	assert_int_equal(access(w->path, F_OK), 0);
}

static void a_path_that_cannot_be_is_refused_with_the_reason(void **state)
{
	struct world *w = *state;
	struct listener l;
	char path[200];
	struct err e;

	snprintf(path, sizeof(path), "%s/missing/weftd.sock", w->dir);
	assert_int_equal(listener_open(&l, path, "", "", 0600, &e), -ENOENT);
	assert_non_null(strstr(e.text, "create it"));
	snprintf(path, sizeof(path), "/tmp/%0120d", 1);
	assert_int_equal(listener_open(&l, path, "", "", 0600, &e), -ENAMETOOLONG);
	assert_non_null(strstr(e.text, "run-dir"));
}

static void an_unknown_owner_is_refused_by_name(void **state)
{
	struct world *w = *state;
	struct listener l;
	struct err e;

	assert_int_equal(listener_open(&l, w->path, "no-such-user", "", 0600, &e), -EINVAL);
	assert_non_null(strstr(e.text, "'no-such-user' is no user"));
	assert_int_equal(listener_open(&l, w->path, "", "no-such-group", 0600, &e), -EINVAL);
	assert_non_null(strstr(e.text, "'no-such-group' is no group"));
	assert_int_equal(access(w->path, F_OK), -1);
}

static void owner_group_and_mode_are_applied_whatever_the_umask(void **state)
{
	const struct group *group = getgrnam("daemon");
	struct world *w = *state;
	mode_t mask = umask(0777);
	struct listener l;
	struct stat st;
	struct err e;
	int ret;

	if (geteuid() != 0 || !group) {
		umask(mask);
		skip();
	}
	ret = listener_open(&l, w->path, "nobody", "daemon", 0660, &e);
	umask(mask);
	assert_int_equal(ret, 0);

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_not_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, group->gr_gid);
	listener_close(&l);
}

static void a_socket_that_is_no_longer_ours_is_left_alone(void **state)
{
	struct world *w = *state;
	struct listener l;
	struct err e;

	assert_int_equal(listener_open(&l, w->path, "", "", 0600, &e), 0);
	unlink(w->path);
	leave_dead_socket(w->path);
	listener_close(&l);

	assert_int_equal(access(w->path, F_OK), 0);
}

#define listener_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		listener_test(a_path_in_use_is_refused_and_stays_in_use),
		listener_test(a_dead_daemons_socket_is_replaced),
		listener_test(a_file_that_is_no_socket_is_refused_and_kept),
		listener_test(a_path_that_cannot_be_is_refused_with_the_reason),
		listener_test(an_unknown_owner_is_refused_by_name),
		listener_test(owner_group_and_mode_are_applied_whatever_the_umask),
		listener_test(a_socket_that_is_no_longer_ours_is_left_alone),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
