/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/sysctls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"

#define KEY_MAX	     128
#define VALUE_MAX    16
#define REMEMBER_MAX 256

struct setting {
	char key[KEY_MAX], before[VALUE_MAX], set[VALUE_MAX];
};

static void path_of(const char *key, char path[KEY_MAX + 16])
{
	snprintf(path, KEY_MAX + 16, "/proc/sys/%s", key);
}

void sysctls_get(const char *key, char *value, unsigned size)
{
	char path[KEY_MAX + 16];
	ssize_t n = -1;
	int fd;

	path_of(key, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, value, size - 1);
		close(fd);
	}
	value[n > 0 ? n : 0] = '\0';
	value[strcspn(value, "\n")] = '\0';
}

int sysctls_set_ours(const char *key, const char *value, struct err *e)
{
	char path[KEY_MAX + 16];
	int fd, ret;

	path_of(key, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ret = fd >= 0 && write(fd, value, strlen(value)) >= 0 ? 0 : errno;
	if (fd >= 0)
		close(fd);
	return ret == 0 ? 0
			: err_set(e, ret,
				  "cannot set %s to %s: %s; make /proc/sys writable for weftd, or "
				  "set it yourself",
				  path, value, strerror(ret));
}

static int remember(const char *file, const char *key, const char *before, const char *set,
		    struct err *e)
{
	FILE *f = fopen(file, "ae");
	int ret = f && fprintf(f, "%s %s %s\n", key, before, set) > 0 ? 0 : errno;

	if (f && fclose(f) != 0)
		ret = errno;
	return ret ? err_set(e, ret, "cannot write %s: %s", file, strerror(ret)) : 0;
}

int sysctls_set(const char *file, const char *key, const char *value, struct err *e)
{
	char before[VALUE_MAX];
	int ret;

	sysctls_get(key, before, sizeof(before));
	if (!before[0])
		return err_set(e, ENOENT,
			       "there is no /proc/sys/%s; mount /proc, or use a kernel "
			       "with that protocol",
			       key);
	if (strcmp(before, value) == 0)
		return 0;
	ret = remember(file, key, before, value, e);
	if (ret == 0)
		ret = sysctls_set_ours(key, value, e);
	if (ret == 0)
		log_info(LOG_MAIN, "setting changed key=%s before=%s now=%s", key, before, value);
	return ret;
}

static unsigned read_settings(const char *file, struct setting *list, unsigned max)
{
	FILE *f = fopen(file, "re");
	unsigned n = 0;

	while (f && n < max &&
	       fscanf(f, "%127s %15s %15s", list[n].key, list[n].before, list[n].set) == 3)
		n++;
	if (f)
		fclose(f);
	return n;
}

int sysctls_restore(const char *file)
{
	struct setting *list = calloc(REMEMBER_MAX, sizeof(*list));
	unsigned n = list ? read_settings(file, list, REMEMBER_MAX) : 0;
	char now[VALUE_MAX];
	int restored = 0;

	for (unsigned i = n; i-- > 0;) {
		/* The file is in a folder of ours, but nothing outside of net/ is meant. */
		if (strncmp(list[i].key, "net/", 4) != 0 || strstr(list[i].key, ".."))
			continue;
		sysctls_get(list[i].key, now, sizeof(now));
		if (strcmp(now, list[i].set) != 0)
			continue;
		if (sysctls_set_ours(list[i].key, list[i].before, NULL) == 0) {
			log_info(LOG_MAIN, "setting restored key=%s value=%s", list[i].key,
				 list[i].before);
			restored++;
		}
	}
	unlink(file);
	free(list);
	return restored;
}

void sysctls_forget(const char *file)
{
	unlink(file);
}
