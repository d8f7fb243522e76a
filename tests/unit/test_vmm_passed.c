/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Descriptors that were passed in, as whoever starts weft-vmm would pass them. */

#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/vmmguest.h"
#include "vmm/boot.h"
#include "vmm/passed.h"
#include "vmm/unix_socket.h"

static struct err e;
static char path[32];

static const char *name(int fd)
{
	snprintf(path, sizeof(path), "fd=%d", fd);
	return path;
}

/* A file of 1 MiB, as execve leaves it. */
static int file(int mode)
{
	int fd = memfd_create("passed", 0), again;
	char link[32];

	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	if (mode == O_RDWR)
		return fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	again = open(link, mode);
	close(fd);
	return again;
}

static void a_descriptor_is_taken_once(void **state)
{
	int fd = file(O_RDWR);

	assert_int_equal(passed_take(name(fd), O_RDWR, &e), fd);
	assert_int_equal(passed_take(name(fd), O_RDWR, &e), -EBADF);
	assert_non_null(strstr(e.text, "used twice"));
	close(fd);
	assert_int_equal(passed_take(name(fd), O_RDWR, &e), -EBADF);
	assert_non_null(strstr(e.text, "no such descriptor"));
}

static void what_is_no_number_of_ours_is_refused(void **state)
{
	static const char *const wrong[] = {
		"fd=",	  "fd=x", "fd=1", "fd=-4", "fd=3x", "fd= 3", "fd=99999999999999999999",
		"fd=3,ro"};

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(passed_take(wrong[i], O_RDONLY, &e), -EINVAL);
	assert_false(passed_is("./fd=3"));
}

static void a_kernel_is_read_from_one(void **state)
{
	int fd = file(O_RDONLY), pipes[2];

	assert_int_equal(boot_open(name(fd), &e), fd);
	close(fd);
	assert_int_equal(pipe(pipes), 0);
	assert_true(boot_open(name(pipes[0]), &e) < 0);
	close(pipes[1]);
}

static struct virtio *disk(struct vmmguest *g, int fd, bool readonly)
{
	struct device_env env = vmmguest_env(g);
	const struct disk_params p = {.path = name(fd), .readonly = readonly};

	return virtio_blk_create(&env, &p, &e);
}

static void a_disk_has_to_be_open_for_what_the_guest_may_do(void **state)
{
	struct vmmguest g;
	struct virtio *d;
	int fd = file(O_RDONLY);

	vmmguest_init(&g, 16 << 20);
	assert_null(disk(&g, fd, false));
	assert_non_null(strstr(e.text, "not open for reading and writing"));
	d = disk(&g, fd, true);
	assert_non_null(d);
	d->ops->destroy(d);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	vmmguest_fini(&g);
}

static void a_tap_has_to_be_one(void **state)
{
	struct vmmguest g;
	struct device_env env;
	struct nic_params p = {.id = "nic0", .pairs = 1};
	int fd = file(O_RDWR);

	vmmguest_init(&g, 16 << 20);
	env = vmmguest_env(&g);
	p.tap = p.path = name(fd);
	assert_null(virtio_tap_create(&env, &p, &e));
	assert_non_null(strstr(e.text, "is no tap"));
	vmmguest_fini(&g);
}

static void a_file_of_that_name_is_left_alone(void **state)
{
	int fd = open("/tmp", O_PATH), file_fd;

	assert_int_equal(fchdir(fd), 0);
	close(fd);
	file_fd = open("fd=77", O_CREAT | O_RDWR, 0600);
	unix_unlisten(file_fd, "fd=77");

	assert_int_equal(access("/tmp/fd=77", F_OK), 0);
	unlink("/tmp/fd=77");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_is_taken_once),
		cmocka_unit_test(what_is_no_number_of_ours_is_refused),
		cmocka_unit_test(a_kernel_is_read_from_one),
		cmocka_unit_test(a_disk_has_to_be_open_for_what_the_guest_may_do),
		cmocka_unit_test(a_tap_has_to_be_one),
		cmocka_unit_test(a_file_of_that_name_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
