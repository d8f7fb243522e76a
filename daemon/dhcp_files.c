/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dhcp_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/dhcp_server.h"
#include "dhcp/jail.h"

static int make_dir(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, errno, "cannot create %s: %s", path, strerror(errno));
}

/* Who is in the jail reaches its folder without the one above it; nobody else has to. */
int dhcp_files_make_dir(const char *run_dir, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/dhcp", run_dir);
	ret = make_dir(path, 0700, e);
	ret = ret ?: make_dir(dir, 0755, e);
	snprintf(path, sizeof(path), "%s/" DHCP_ROOT, dir);
	return ret ?: make_dir(path, 0755, e);
}

/* With what an interrupted writer may have left of it. */
static void remove_file(int folder, const char *name)
{
	char temp[64];

	unlinkat(folder, name, 0);
	snprintf(temp, sizeof(temp), "%s.new", name);
	unlinkat(folder, temp, 0);
}

static void empty_folder(int folder, bool keep)
{
	for (enum dhcp_file file = 0; file < DHCP_FILE_N; file++)
		remove_file(folder, dhcp_file_name(file));
	remove_file(folder, DHCP_EVENTS);
	if (!keep)
		remove_file(folder, DHCP_LEASES);
	unlinkat(folder, DHCP_ROOT, AT_REMOVEDIR);
}

void dhcp_files_remove_dir(const char *dir, bool keep)
{
	int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char above[PATH_MAX];

	if (folder < 0)
		return;
	empty_folder(folder, keep);
	close(folder);
	rmdir(dir);
	snprintf(above, sizeof(above), "%.*s", (int)(strrchr(dir, '/') - dir), dir);
	rmdir(above);
}

int dhcp_files_write(const char *dir, const char *name, const char *text, struct err *e)
{
	char path[PATH_MAX], temp[PATH_MAX];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(temp, sizeof(temp), "%s/%s.new", dir, name);
	f = fopen(temp, "we");
	if (!f)
		goto err_report;
	ok = fputs(text, f) >= 0 && fchmod(fileno(f), 0644) == 0;
	if (fclose(f) == 0 && ok && rename(temp, path) == 0)
		return 0;
	unlink(temp);
err_report:
	return err_set(e, errno ?: EIO, "cannot write %s: %s", path, strerror(errno));
}

/* By way of a descriptor of the folder: a socket's path has no room for that of any run-dir. */
int dhcp_files_listen(const char *dir, uid_t uid, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (folder < 0 || fd < 0)
		goto err;
	unlinkat(folder, DHCP_EVENTS, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/" DHCP_EVENTS, folder);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    fchmodat(folder, DHCP_EVENTS, 0600, 0) < 0 ||
	    fchownat(folder, DHCP_EVENTS, uid, (gid_t)-1, 0) < 0)
		goto err;
	close(folder);
	return fd;
err:
	ret = err_set(e, errno, "cannot listen at %s/" DHCP_EVENTS ": %s", dir, strerror(errno));
	if (folder >= 0)
		close(folder);
	if (fd >= 0)
		close(fd);
	return ret;
}

void dhcp_server_sweep(const char *run_dir, bool (*is_served)(const char *name, void *arg),
		       void *arg)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "%s/dhcp", run_dir);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' || is_served(entry->d_name, arg))
			continue;
		snprintf(path, sizeof(path), "%s/dhcp/%s", run_dir, entry->d_name);
		dhcp_files_remove_dir(path, false);
	}
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "%s/dhcp", run_dir);
	rmdir(path);
}
