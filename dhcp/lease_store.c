/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/lease_store.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void lease_store_init(struct lease_store *s)
{
	*s = (struct lease_store){0};
}

void lease_store_fini(struct lease_store *s)
{
	for (unsigned i = 0; i < s->n; i++)
		lease_fini(&s->leases[i]);
	free(s->leases);
	*s = (struct lease_store){0};
}

static struct lease *lookup(const struct lease_store *s, const struct ipaddr *address)
{
	for (unsigned i = 0; i < s->n; i++)
		if (memcmp(&s->leases[i].address, address, sizeof(*address)) == 0)
			return &s->leases[i];
	return NULL;
}

int lease_store_put(struct lease_store *s, struct lease *l)
{
	struct lease *at = lookup(s, &l->address);

	if (at) {
		lease_fini(at);
		*at = *l;
		return 0;
	}
	if (s->n == s->room) {
		unsigned room = s->room ? s->room * 2 : 16;
		struct lease *more = reallocarray(s->leases, room, sizeof(*more));

		if (!more) {
			lease_fini(l);
			return -ENOMEM;
		}
		s->leases = more;
		s->room = room;
	}
	s->leases[s->n++] = *l;
	return 0;
}

bool lease_store_del(struct lease_store *s, const struct ipaddr *address)
{
	struct lease *at = lookup(s, address);

	if (!at)
		return false;
	lease_fini(at);
	s->n--;
	memmove(at, at + 1, (size_t)(s->leases + s->n - at) * sizeof(*at));
	return true;
}

const struct lease *lease_store_lookup(const struct lease_store *s, const struct ipaddr *address)
{
	return lookup(s, address);
}

const struct lease *lease_store_lookup_mac(const struct lease_store *s, const struct mac *mac,
					   const struct lease *after)
{
	for (unsigned i = after ? (unsigned)(after - s->leases) + 1 : 0; i < s->n; i++)
		if (s->leases[i].has_mac && mac_eq(&s->leases[i].mac, mac))
			return &s->leases[i];
	return NULL;
}

static int take_line(struct lease_store *s, const char *line, int64_t now_s)
{
	struct lease l;
	int ret;

	if (strncmp(line, "duid ", 5) == 0) {
		snprintf(s->duid, sizeof(s->duid), "%s", line + 5);
		return 0;
	}
	ret = lease_parse(&l, line);
	if (ret == -EINVAL)
		s->ignored++;
	if (ret)
		return ret == -EINVAL ? 0 : ret;
	if (lease_is_over(&l, now_s)) {
		lease_fini(&l);
		return 0;
	}
	return lease_store_put(s, &l);
}

int lease_store_load(struct lease_store *s, const char *path, int64_t now_s, struct err *e)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	if (!f && errno == ENOENT)
		return 0;
	if (!f)
		return err_set(e, errno, "cannot read the leases in %s: %s", path, strerror(errno));
	while (ret == 0 && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		ret = line[0] ? take_line(s, line, now_s) : 0;
	}
	if (ret == 0 && ferror(f))
		ret = err_set(e, EIO, "cannot read the leases in %s", path);
	else if (ret)
		err_set(e, ENOMEM, "out of memory for the leases in %s", path);
	free(line);
	fclose(f);
	return ret;
}

static void print(const struct lease_store *s, FILE *f)
{
	for (unsigned i = 0; i < s->n; i++)
		if (ipaddr_is_ip4(&s->leases[i].address))
			lease_print(&s->leases[i], f);
	if (s->duid[0])
		fprintf(f, "duid %s\n", s->duid);
	for (unsigned i = 0; i < s->n; i++)
		if (!ipaddr_is_ip4(&s->leases[i].address))
			lease_print(&s->leases[i], f);
}

int lease_store_save(const struct lease_store *s, const char *path, unsigned gid, struct err *e)
{
	char temp[PATH_MAX];
	bool ok;
	FILE *f;

	snprintf(temp, sizeof(temp), "%s.new", path);
	f = fopen(temp, "we");
	if (!f)
		goto err_report;
	print(s, f);
	ok = fchmod(fileno(f), 0640) == 0 && fchown(fileno(f), (uid_t)-1, gid) == 0 && !ferror(f);
	if (fclose(f) == 0 && ok && rename(temp, path) == 0)
		return 0;
	unlink(temp);
err_report:
	return err_set(e, errno ?: EIO,
		       "cannot write the leases to %s: %s; make room there or choose another "
		       "lease-file",
		       path, strerror(errno));
}
