/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dhcp_server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "daemon/dhcp_files.h"
#include "daemon/dhcp_process.h"
#include "dhcp/jail.h"

static void take_event(struct dhcp_server *s, char *text)
{
	struct lease before = {0}, *had;
	const struct lease *old;
	struct lease_event ev;
	struct ipaddr address;

	if (lease_event_parse(&ev, text, time(NULL)) < 0) {
		log_warn(LOG_DHCP, "an event of dnsmasq cannot be read bridge=%s", s->name);
		lease_event_fini(&ev);
		return;
	}
	address = ev.lease.address;
	old = ev.action == LEASE_IGNORE ? NULL : lease_store_lookup(&s->store, &address);
	if (old)
		before = *old; /* its texts go with the store's: only the rest is told */
	before.name = before.id = "";
	had = old ? &before : NULL;
	if (lease_event_apply(&ev, &s->store) < 0)
		log_error(LOG_DHCP, "out of memory for a lease bridge=%s", s->name);
	else if (ev.action != LEASE_IGNORE)
		s->changed(s, had, lease_store_lookup(&s->store, &address), s->arg);
	lease_event_fini(&ev);
}

/* Some at a time, then one save for all of them. */
static void on_events(struct loop_watch *w, uint32_t events)
{
	struct dhcp_server *s = container_of(w, struct dhcp_server, event_watch);
	char text[LEASE_EVENT_MAX + 1];
	ssize_t n;

	for (unsigned i = 0; i < 64; i++) {
		n = recv(w->fd, text, LEASE_EVENT_MAX, MSG_DONTWAIT);
		if (n < 0)
			break;
		text[n] = '\0';
		take_event(s, text);
	}
	dhcp_server_save(s);
}

void dhcp_server_save(const struct dhcp_server *s)
{
	char path[DHCP_PATH_MAX + 16];
	struct err e;

	snprintf(path, sizeof(path), "%s/" DHCP_LEASES, s->dir);
	if (lease_store_save(&s->store, path, dhcp_user()->gid, &e) < 0)
		log_error(LOG_DHCP, "%s bridge=%s", e.text, s->name);
	if (s->lease_file[0] && lease_store_save(&s->store, s->lease_file, getegid(), &e) < 0)
		log_error(LOG_DHCP, "%s bridge=%s", e.text, s->name);
}

static int load_leases(struct dhcp_server *s, struct err *e)
{
	char path[DHCP_PATH_MAX + 16];
	int ret;

	snprintf(path, sizeof(path), "%s/" DHCP_LEASES, s->dir);
	ret = lease_store_load(&s->store, s->lease_file[0] ? s->lease_file : path, time(NULL), e);
	if (ret == 0 && s->store.ignored)
		log_warn(LOG_DHCP, "%u lines of the lease file were no leases bridge=%s",
			 s->store.ignored, s->name);
	return ret;
}

/*
 * The interface is made in the host's namespace before it moves into its own: no other weftd and no
 * other bridge may use its name just then.
 */
static void name_interface(struct dhcp_server *s)
{
	snprintf(s->interface, sizeof(s->interface), "wd%08x%04x", (unsigned)getpid(),
		 (unsigned)hash_text(s->name) & 0xffff);
}

struct dhcp_server *dhcp_server_create(struct loop *loop, const char *run_dir, const char *name,
				       const char *lease_file, dhcp_lease_changed *changed,
				       void *arg, struct err *e)
{
	struct dhcp_server *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s) {
		err_set(e, ENOMEM, "bridge %s: dhcp: out of memory", name);
		return NULL;
	}
	s->loop = loop;
	s->changed = changed;
	s->arg = arg;
	s->netns = (struct netns){-1, -1};
	s->process.pidfd = s->process_watch.fd = s->event_watch.fd = s->log_watch.fd = -1;
	s->event_watch.ready = on_events;
	dhcp_process_init(s);
	lease_store_init(&s->store);
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->dir, sizeof(s->dir), "%s/dhcp/%s", run_dir, name);
	snprintf(s->lease_file, sizeof(s->lease_file), "%s", lease_file);
	name_interface(s);
	ret = dhcp_files_make_dir(run_dir, s->dir, e);
	ret = ret ?: load_leases(s, e);
	ret = ret ?: netns_create(&s->netns, e);
	ret = ret ?: dhcp_files_listen(s->dir, dhcp_user()->uid, e);
	if (ret >= 0)
		ret = loop_watch_add(loop, &s->event_watch, ret, EPOLLIN);
	if (ret < 0) {
		err_prefix(e, ret, "bridge %s: dhcp", name);
		dhcp_server_destroy(s, true);
		errno = -ret;
		return NULL;
	}
	dhcp_server_save(s);
	return s;
}

void dhcp_server_destroy(struct dhcp_server *s, bool keep)
{
	int fd = s->event_watch.fd;

	dhcp_process_fini(s);
	loop_watch_del(&s->event_watch);
	if (fd >= 0)
		close(fd);
	netns_destroy(&s->netns);
	lease_store_fini(&s->store);
	for (unsigned i = 0; i < DHCP_FILE_N; i++)
		free(s->files[i]);
	dhcp_files_remove_dir(s->dir, keep);
	free(s);
}

/* Writes a file that differs from what it holds. Returns 1 when it did, 0, or -errno with `e`. */
static int update_file(struct dhcp_server *s, enum dhcp_file file, const struct dhcp_plan *plan,
		       const char *upstream, struct err *e)
{
	char *text = dhcp_file_text(file, plan, upstream);
	int ret;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	if (s->files[file] && strcmp(s->files[file], text) == 0) {
		free(text);
		return 0;
	}
	ret = dhcp_files_write(s->dir, dhcp_file_name(file), text, e);
	if (ret < 0) {
		free(text);
		return ret;
	}
	free(s->files[file]);
	s->files[file] = text;
	return 1;
}

int dhcp_server_apply(struct dhcp_server *s, const struct dhcp_plan *plan, const char *upstream,
		      struct err *e)
{
	bool changed = false, restart = strcmp(s->tftp_root, plan->bridge->dhcp.tftp_root) != 0;

	s->ip6 = plan->ip6;
	snprintf(s->tftp_root, sizeof(s->tftp_root), "%s", plan->bridge->dhcp.tftp_root);
	for (enum dhcp_file file = 0; file < DHCP_FILE_N; file++) {
		int ret = update_file(s, file, plan, upstream, e);

		if (ret < 0)
			return err_prefix(e, ret, "bridge %s: dhcp", s->name);
		changed |= ret > 0;
		restart |= ret > 0 && dhcp_file_is_structural(file);
	}
	if (strcmp(s->lease_file, plan->bridge->dhcp.lease_file) != 0) {
		snprintf(s->lease_file, sizeof(s->lease_file), "%s", plan->bridge->dhcp.lease_file);
		dhcp_server_save(s);
	}
	if (!s->process.pid)
		return dhcp_process_start(s, e);
	if (restart)
		dhcp_server_restart(s);
	else if (changed)
		process_signal(&s->process, SIGHUP);
	return 0;
}
