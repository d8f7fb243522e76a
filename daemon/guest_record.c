/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/guest_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "daemon/guest.h"
#include "daemon/qemu.h"

#define TAIL_BYTES 8192
#define PANIC	   "Kernel panic - "

int guest_record_write(const struct guest_record *r, const char *run_dir, const char *name)
{
	char path[PATH_MAX], fresh[PATH_MAX], hash[17];
	json_t *json;
	int ret;

	if (!qemu_file(run_dir, name, "state.json", path, sizeof(path)) ||
	    !qemu_file(run_dir, name, "state.json.new", fresh, sizeof(fresh)))
		return -ENAMETOOLONG;
	snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
	json = json_pack("{s:i, s:I, s:s, s:b, s:b, s:b, s:i, s:i}", "pid", (int)r->pid,
			 "start_ticks", (json_int_t)r->start_ticks, "hash", hash, "kvm", r->kvm,
			 "hugepages", r->hugepages, "weft", r->weft, "restarts", (int)r->restarts,
			 "nics", (int)r->nics);
	if (!json)
		return -ENOMEM;
	ret = json_dump_file(json, fresh, JSON_COMPACT) < 0 ? -EIO : 0;
	json_decref(json);
	if (ret == 0 && rename(fresh, path) < 0)
		ret = -errno;
	return ret;
}

int guest_record_read(struct guest_record *r, const char *run_dir, const char *name)
{
	int pid, kvm, hugepages, weft, restarts, nics;
	json_int_t start_ticks;
	const char *hash;
	char path[PATH_MAX], *end;
	json_t *json;
	int ret = -EINVAL;

	if (!qemu_file(run_dir, name, "state.json", path, sizeof(path)))
		return -ENAMETOOLONG;
	if (access(path, F_OK) < 0)
		return -ENOENT;
	json = json_load_file(path, 0, NULL);
	if (json_unpack(json, "{s:i, s:I, s:s, s:b, s:b, s:b, s:i, s:i}", "pid", &pid,
			"start_ticks", &start_ticks, "hash", &hash, "kvm", &kvm, "hugepages",
			&hugepages, "weft", &weft, "restarts", &restarts, "nics", &nics) == 0 &&
	    restarts >= 0 && nics >= 0 && nics < 1024) {
		*r = (struct guest_record){.pid = pid,
					   .start_ticks = (uint64_t)start_ticks,
					   .hash = strtoull(hash, &end, 16),
					   .kvm = kvm,
					   .hugepages = hugepages,
					   .weft = weft,
					   .restarts = (unsigned)restarts,
					   .nics = (unsigned)nics};
		ret = *end ? -EINVAL : 0;
	}
	json_decref(json);
	return ret;
}

void guest_files_remove(const char *run_dir, const char *name, unsigned nics, bool logs)
{
	static const char *const files[] = {"qmp.sock", "console.sock", "agent.sock", "state.json",
					    "state.json.new"};
	static const char *const log_files[] = {"console.log", "qemu.log"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (qemu_file(run_dir, name, files[i], path, sizeof(path)))
			unlink(path);
	for (unsigned n = 0; n < nics; n++)
		if (guest_nic_socket(run_dir, name, n, path, sizeof(path)))
			unlink(path);
	if (!logs)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(log_files); i++)
		if (qemu_file(run_dir, name, log_files[i], path, sizeof(path)))
			unlink(path);
	if (qemu_dir(run_dir, name, path, sizeof(path)))
		rmdir(path);
}

/* Reads the end of a file as text; "" when there is none. NULs become spaces. */
static void read_tail(const char *run_dir, const char *name, const char *file,
		      char tail[TAIL_BYTES + 1])
{
	char path[PATH_MAX];
	ssize_t n = 0;
	int fd = -1;

	if (qemu_file(run_dir, name, file, path, sizeof(path)))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		off_t size = lseek(fd, 0, SEEK_END);

		n = pread(fd, tail, TAIL_BYTES, MAX_OF(size - TAIL_BYTES, 0));
		close(fd);
	}
	n = MAX_OF(n, 0);
	for (ssize_t i = 0; i < n; i++)
		if (tail[i] == '\0')
			tail[i] = ' ';
	tail[n] = '\0';
}

char *guest_log_last(const char *run_dir, const char *name, char *text, size_t size)
{
	char tail[TAIL_BYTES + 1];
	char *last = tail;

	read_tail(run_dir, name, "qemu.log", tail);
	for (char *p = tail, *line; (line = strsep(&p, "\r\n"));)
		if (*line)
			last = line;
	snprintf(text, size, "%s", last);
	return text;
}

char *guest_log_panic(const char *run_dir, const char *name, char *text, size_t size)
{
	char tail[TAIL_BYTES + 1];
	const char *panic;

	read_tail(run_dir, name, "console.log", tail);
	panic = strstr(tail, PANIC);
	if (panic)
		panic += strlen(PANIC);
	snprintf(text, size, "%.*s", panic ? (int)strcspn(panic, "\r\n") : 0, panic ?: "");
	return text;
}
